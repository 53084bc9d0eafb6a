'use strict';

const test = require('node:test');
const assert = require('node:assert');
const booking = require('../src/services/booking');

/** The service on a list of rows instead of a table. */
function clinic() {
  const rows = [];
  const fits = (where) => (row) => Object.entries(where).every(([key, value]) => row[key] === value);
  const Appointment = {
    findOne: async ({ where }) => rows.find(fits(where)) ?? null,
    findByPk: async (id) => rows.find(fits({ id })) ?? null,
    async create(values) {
      const update = async (changes) => Object.assign(row, changes);
      const row = { id: rows.length + 1, status: 'scheduled', ...values, update };
      rows.push(row);
      return row;
    },
  };
  return { rows, ...booking({ Appointment }) };
}

const visit = { doctorId: 'd1', patientId: 'p1', startsAt: '2030-01-07T09:00:00Z' };

test('a visit is booked', async () => {
  const { rows, book } = clinic();
  await book(visit);
  assert.deepStrictEqual(rows.map((row) => [row.patientId, row.status]), [['p1', 'scheduled']]);
});

test('a time of a doctor is given once', async () => {
  const { book } = clinic();
  await book(visit);
  await assert.rejects(book({ ...visit, patientId: 'p2' }), /another visit/);
});

test('a visit that does not exist cannot be cancelled', async () => {
  await assert.rejects(clinic().cancel(1), /no such visit/);
});
