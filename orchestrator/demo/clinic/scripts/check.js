'use strict';

/*
 * Checks the project against itself: the syntax, the models, their associations and the migrations.
 *
 * Nothing needs to be installed and no database is opened. The real models and migrations run against a small stand-in
 * for Sequelize that only writes down what they declare; the migrations run up, then down again, on tables in memory.
 *
 * Exit status: 0 when everything fits together, 1 otherwise.
 */

const fs = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const vm = require('node:vm');

const ROOT = path.resolve(__dirname, '..');
const TYPES = [
  ['STRING', 'CHAR', 'TEXT', 'INTEGER', 'BIGINT', 'DECIMAL', 'FLOAT', 'DOUBLE', 'BOOLEAN'],
  ['DATE', 'DATEONLY', 'TIME', 'NOW', 'UUID', 'UUIDV4', 'ENUM', 'JSON', 'JSONB', 'BLOB'],
].flat();
const DELETE_RULES = ['RESTRICT', 'SET NULL', 'CASCADE', 'NO ACTION'];
const TIMESTAMPS = ['createdAt', 'updatedAt'];

const unique = (list) => [...new Set(list)];
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/* ---- the stand-in for Sequelize ---------------------------------------- */

/** A data type: usable bare (`STRING`) and called (`STRING(80)`); `key` says which it is. */
function dataType(key) {
  return Object.assign((...parameters) => ({ key, parameters }), { key });
}

const DataTypes = Object.fromEntries(TYPES.map((key) => [key, dataType(key)]));

function defineModel(name, attributes, options = {}) {
  const model = { name, attributes, options, tableName: options.tableName || name, associations: [] };
  for (const kind of ['belongsTo', 'hasOne', 'hasMany', 'belongsToMany']) {
    model[kind] = (target, settings = {}) => model.associations.push({ kind, source: model, target, ...settings });
  }
  return model;
}

class Sequelize {
  define(name, attributes, options) {
    return defineModel(name, attributes, options);
  }
}
Object.assign(Sequelize, DataTypes, { DataTypes, literal: (sql) => ({ sql }) });

/** What a migration may call: the tables live in a Map, what cannot be is reported. */
class TablesInMemory {
  constructor(report) {
    this.tables = new Map();
    this.report = report;
  }

  table(name) {
    if (!this.tables.has(name)) {
      throw new Error(`there is no table ${name}`);
    }
    return this.tables.get(name);
  }

  async createTable(name, columns) {
    if (this.tables.has(name)) {
      throw new Error(`table ${name} exists already`);
    }
    this.tables.set(name, { columns: { ...columns }, indexes: [] });
  }

  async dropTable(name) {
    this.table(name);
    for (const [other, { columns }] of this.tables) {
      if (other !== name && Object.values(columns).some((column) => column.references?.model === name)) {
        throw new Error(`table ${name} is dropped while ${other} still refers to it`);
      }
    }
    this.tables.delete(name);
  }

  async addColumn(name, column, definition) {
    this.table(name).columns[column] = definition;
  }

  async removeColumn(name, column) {
    delete this.table(name).columns[column];
  }

  async addIndex(name, fields, options = {}) {
    const { columns, indexes } = this.table(name);
    for (const field of fields.filter((each) => !(each in columns))) {
      this.report(`${name}: an index names ${field}, which is no column`);
    }
    indexes.push({ fields, ...options });
  }

  async removeIndex(name, fields) {
    const table = this.table(name);
    table.indexes = table.indexes.filter((index) => index.name !== fields && `${index.fields}` !== `${fields}`);
  }
}

/* ---- the checks: each returns what it looked at and reports what is wrong */

function sources(folder) {
  return fs
    .readdirSync(path.join(ROOT, folder), { withFileTypes: true })
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((entry) => {
      const name = path.posix.join(folder, entry.name);
      if (entry.isDirectory()) {
        return sources(name);
      }
      return name.endsWith('.js') ? [name] : [];
    });
}

function checkSyntax(report) {
  const files = ['src', 'migrations', 'scripts'].flatMap(sources);
  for (const file of files) {
    try {
      new vm.Script(Module.wrap(fs.readFileSync(path.join(ROOT, file), 'utf8')), { filename: file });
    } catch (error) {
      report(`${file}: ${error.message}`);
    }
  }
  return `${files.length} files`;
}

/** The models, loaded by the project's own index with the stand-in in place of the package. */
function loadModels() {
  const load = Module._load;
  Module._load = (request, ...rest) => (request === 'sequelize' ? { Sequelize, DataTypes } : load(request, ...rest));
  try {
    for (const file of sources('src/models').filter((name) => path.basename(name) !== 'index.js')) {
      const define = require(path.join(ROOT, file));
      if (typeof define !== 'function' || !define(new Sequelize(), DataTypes)?.associations) {
        throw new Error(`${file} does not export a function that returns its model`);
      }
    }
    const exported = require(path.join(ROOT, 'src', 'models'));
    return Object.values(exported).filter((value) => value.associations);
  } finally {
    Module._load = load;
  }
}

/** The tables after all migrations went up. Each then goes down again, latest first, and must leave nothing behind. */
async function runMigrations(report) {
  const files = sources('migrations');
  const migrations = files.map((file) => [file, require(path.join(ROOT, file))]);
  const database = new TablesInMemory(report);
  let after = new Map();
  try {
    for (const [file, migration] of migrations) {
      await at(file, migration.up(database, Sequelize));
    }
    after = new Map([...database.tables].map(([name, table]) => [name, plain(table)]));
    for (const [file, migration] of migrations.reverse()) {
      await at(file, migration.down(database, Sequelize));
    }
    for (const name of database.tables.keys()) {
      report(`table ${name} is still there after every migration went down`);
    }
  } catch (error) {
    report(error.message);
  }
  return { files, tables: after };
}

async function at(file, done) {
  try {
    await done;
  } catch (error) {
    throw new Error(`${file}: ${error.message}`);
  }
}

/** A table with the types by their names, so that it can be copied and compared. */
function plain({ columns, indexes }) {
  const named = Object.entries(columns).map(([name, column]) => [name, { ...column, type: column.type?.key }]);
  return { columns: Object.fromEntries(named), indexes: indexes.map(({ fields }) => ({ fields })) };
}

function checkTables(tables, report) {
  for (const [name, { columns, indexes }] of tables) {
    for (const [column, { references, type, onDelete, unique: single }] of Object.entries(columns)) {
      const where = `${name}.${column}`;
      if (!type) {
        report(`${where} has no type that Sequelize knows`);
      }
      if (!references) {
        continue;
      }
      const target = tables.get(references.model)?.columns[references.key];
      if (!target) {
        report(`${where} refers to ${references.model}.${references.key}, which does not exist`);
      } else if (type !== 'UUID' || target.type !== type) {
        report(`${where} is ${type} and refers to a ${target.type}: both have to be UUID`);
      }
      if (!DELETE_RULES.includes(onDelete)) {
        report(`${where}: a foreign key without a delete rule (onDelete)`);
      }
      if (!single && !indexes.some(({ fields }) => fields[0] === column)) {
        report(`${where}: a foreign key without an index that begins with it`);
      }
    }
  }
}

function columnOf(model, attribute) {
  return model.attributes[attribute]?.field || (model.options.underscored ? snake(attribute) : attribute);
}

function checkModel(model, tables, report) {
  const table = tables.get(model.tableName);
  if (!table) {
    report(`${model.name}: no migration creates its table ${model.tableName}`);
    return;
  }
  const declared = Object.keys(model.attributes).map((attribute) => [columnOf(model, attribute), attribute]);
  const stamps = model.options.timestamps === false ? [] : TIMESTAMPS.map((stamp) => [columnOf(model, stamp), stamp]);
  for (const [column, attribute] of [...declared, ...stamps]) {
    const type = model.attributes[attribute]?.type?.key;
    if (!(column in table.columns)) {
      report(`${model.name}.${attribute}: the table ${model.tableName} has no column ${column}`);
    } else if (attribute in model.attributes && type !== table.columns[column].type) {
      report(`${model.name}.${attribute} is ${type || 'of no known type'}, its column ${table.columns[column].type}`);
    }
  }
  const known = new Set([...declared, ...stamps].map(([column]) => column));
  for (const column of Object.keys(table.columns).filter((name) => !known.has(name))) {
    report(`${model.tableName}.${column}: the model ${model.name} does not declare it`);
  }
}

/** The foreign keys an association stands on, each with the model that holds it. */
function foreignKeys({ kind, source, target, through, foreignKey, otherKey }) {
  if (kind === 'belongsToMany') {
    return [foreignKey, otherKey].map((key) => [through?.model || through, key]);
  }
  return [[kind === 'belongsTo' ? source : target, foreignKey]];
}

function checkAssociation(association, models, tables, report) {
  const { kind, source, target, as, foreignKey, onDelete } = association;
  const where = `${source.name} ${kind} ${target?.name || 'an unknown model'} as ${as}`;
  if (!models.includes(target)) {
    report(`${where}: there is no such model; known: ${models.map(({ name }) => name).join(', ')}`);
    return;
  }
  for (const [holder, key] of foreignKeys(association)) {
    if (!holder?.attributes?.[key]) {
      report(`${where}: the foreign key ${key} is not declared by ${holder?.name || 'its through model'}`);
      continue;
    }
    const column = tables.get(holder.tableName)?.columns[columnOf(holder, key)];
    if (column && column.onDelete !== onDelete) {
      report(`${where}: onDelete is ${onDelete}, the migration of ${holder.tableName} says ${column.onDelete}`);
    }
  }
  const inverse = kind === 'belongsTo' ? ['hasOne', 'hasMany'] : [kind === 'belongsToMany' ? kind : 'belongsTo'];
  const mirrors = (other) =>
    other.target === source &&
    inverse.includes(other.kind) &&
    other.foreignKey === (kind === 'belongsToMany' ? association.otherKey : foreignKey);
  if (!target.associations.some(mirrors)) {
    report(`${where}: ${target.name} does not declare the other side`);
  }
}

function checkAssociations(models, tables, report) {
  for (const model of models) {
    const names = model.associations.map(({ as }) => as);
    for (const name of unique(names.filter((each, index) => names.indexOf(each) !== index))) {
      report(`${model.name}: two associations are called ${name}`);
    }
    model.associations.forEach((association) => checkAssociation(association, models, tables, report));
  }
  return models.flatMap(({ associations }) => associations).length;
}

/* ---- the report -------------------------------------------------------- */

async function check(name, look) {
  const problems = [];
  let seen = '';
  try {
    seen = await look((problem) => problems.push(problem));
  } catch (error) {
    problems.push(error.message.split('\n')[0].replaceAll(`${ROOT}${path.sep}`, ''));
  }
  console.log(`${problems.length ? 'FAIL' : 'ok  '}  ${name.padEnd(14)}${seen}`);
  unique(problems).forEach((problem) => console.log(`        ${problem}`));
  return unique(problems).length;
}

async function main() {
  let models = [];
  let tables = new Map();
  const broken = await check('syntax', checkSyntax);
  if (broken) {
    return broken;
  }
  return [
    await check('migrations', async (report) => {
      const result = await runMigrations(report);
      tables = result.tables;
      checkTables(tables, report);
      return `${result.files.length} up and down: ${[...tables.keys()].join(', ')}`;
    }),
    await check('models', (report) => {
      models = loadModels();
      models.forEach((model) => checkModel(model, tables, report));
      return models.map(({ name }) => name).join(', ');
    }),
    await check('associations', (report) => `${checkAssociations(models, tables, report) || 'none'}`),
  ].reduce((sum, count) => sum + count, 0);
}

main().then((count) => {
  console.log(count ? `\n${count} ${count === 1 ? 'problem' : 'problems'}` : '\nEverything fits together.');
  process.exitCode = count ? 1 : 0;
});
