'use strict';

// Statements carry health data: they are logged only when somebody asks for it.
const logging = process.env.SQL_LOG === '1' ? console.log : false;

// One entry per environment, read by sequelize-cli as well.
module.exports = {
  development: {
    dialect: 'sqlite',
    storage: process.env.DATABASE_FILE || 'clinic.sqlite',
    logging,
  },
  test: {
    dialect: 'sqlite',
    storage: ':memory:',
    logging,
  },
  production: {
    dialect: 'postgres',
    use_env_variable: 'DATABASE_URL',
    logging,
  },
};
