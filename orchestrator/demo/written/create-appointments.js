'use strict';

module.exports = {
  async up(queryInterface, Sequelize) {
    await queryInterface.createTable('appointments', {
      id: {
        type: Sequelize.UUID,
        primaryKey: true,
      },
      doctor_id: {
        type: Sequelize.UUID,
        allowNull: false,
        references: { model: 'doctors', key: 'id' },
        onUpdate: 'CASCADE',
        onDelete: 'RESTRICT',
      },
      patient_id: {
        type: Sequelize.UUID,
        allowNull: false,
        references: { model: 'patients', key: 'id' },
        onUpdate: 'CASCADE',
        onDelete: 'RESTRICT',
      },
      starts_at: {
        type: Sequelize.DATE,
        allowNull: false,
      },
      duration_minutes: {
        type: Sequelize.INTEGER,
        allowNull: false,
        defaultValue: 30,
      },
      status: {
        type: Sequelize.STRING(16),
        allowNull: false,
        defaultValue: 'scheduled',
      },
      reason: {
        type: Sequelize.STRING(500),
      },
      created_at: {
        type: Sequelize.DATE,
        allowNull: false,
      },
      updated_at: {
        type: Sequelize.DATE,
        allowNull: false,
      },
    });
    await queryInterface.addIndex('appointments', ['doctor_id', 'starts_at']);
    await queryInterface.addIndex('appointments', ['patient_id', 'starts_at']);
    await queryInterface.addIndex('appointments', ['doctor_id', 'starts_at'], {
      name: 'appointments_one_scheduled_per_slot',
      unique: true,
      where: { status: 'scheduled' },
    });
  },

  async down(queryInterface) {
    await queryInterface.dropTable('appointments');
  },
};
