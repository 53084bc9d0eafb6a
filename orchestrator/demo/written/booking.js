'use strict';

// Visits of patients to doctors. A time that is taken is refused by the table's index; this says it in words.
module.exports = ({ Appointment }) => ({
  async book({ doctorId, patientId, startsAt, reason = null }) {
    const taken = await Appointment.findOne({ where: { doctorId, startsAt } });
    if (taken) throw new Error('The doctor has another visit at this time');
    return Appointment.create({ doctorId, patientId, startsAt, reason });
  },

  async cancel(id) {
    const visit = await Appointment.findByPk(id);
    if (!visit) throw new Error('There is no such visit');
    return visit.update({ status: 'cancelled' });
  },
});
