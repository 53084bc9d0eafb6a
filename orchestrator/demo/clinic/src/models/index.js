'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { Sequelize, DataTypes } = require('sequelize');
const configurations = require('../config/database');

const config = configurations[process.env.NODE_ENV || 'development'];
const sequelize = config.use_env_variable
  ? new Sequelize(process.env[config.use_env_variable], config)
  : new Sequelize(config);

const models = {};
for (const file of fs.readdirSync(__dirname).sort()) {
  if (file.endsWith('.js') && file !== 'index.js') {
    const model = require(path.join(__dirname, file))(sequelize, DataTypes);
    models[model.name] = model;
  }
}

// Only now: an association may name any model.
for (const model of Object.values(models)) {
  if (model.associate) {
    model.associate(models);
  }
}

module.exports = { sequelize, ...models };
