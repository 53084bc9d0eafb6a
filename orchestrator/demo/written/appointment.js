'use strict';

// Strings and not an ENUM type: see docs/associations.md.
const STATUSES = ['scheduled', 'completed', 'cancelled', 'no-show'];

module.exports = (sequelize, DataTypes) => {
  const Appointment = sequelize.define(
    'Appointment',
    {
      id: {
        type: DataTypes.UUID,
        defaultValue: DataTypes.UUIDV4,
        primaryKey: true,
      },
      doctorId: {
        type: DataTypes.UUID,
        allowNull: false,
      },
      patientId: {
        type: DataTypes.UUID,
        allowNull: false,
      },
      startsAt: {
        type: DataTypes.DATE,
        allowNull: false,
      },
      durationMinutes: {
        type: DataTypes.INTEGER,
        allowNull: false,
        defaultValue: 30,
        validate: { min: 5, max: 480 },
      },
      status: {
        type: DataTypes.STRING(16),
        allowNull: false,
        defaultValue: 'scheduled',
        validate: { isIn: [STATUSES] },
      },
      reason: {
        type: DataTypes.STRING(500),
      },
    },
    { tableName: 'appointments', underscored: true },
  );

  Appointment.STATUSES = STATUSES;

  Appointment.associate = (models) => {
    Appointment.belongsTo(models.Doctor, { as: 'doctor', foreignKey: 'doctorId', onDelete: 'RESTRICT' });
    Appointment.belongsTo(models.Patient, { as: 'patient', foreignKey: 'patientId', onDelete: 'RESTRICT' });
    Appointment.hasMany(models.MedicalRecord, { as: 'records', foreignKey: 'appointmentId', onDelete: 'SET NULL' });
  };

  return Appointment;
};
