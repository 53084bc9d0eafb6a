'use strict';

const KINDS = ['visit-note', 'diagnosis', 'prescription', 'lab-result'];

module.exports = (sequelize, DataTypes) => {
  const MedicalRecord = sequelize.define(
    'MedicalRecord',
    {
      id: {
        type: DataTypes.UUID,
        defaultValue: DataTypes.UUIDV4,
        primaryKey: true,
      },
      patientId: {
        type: DataTypes.UUID,
        allowNull: false,
      },
      authorId: {
        type: DataTypes.UUID,
        allowNull: false,
      },
      appointmentId: {
        type: DataTypes.UUID,
      },
      kind: {
        type: DataTypes.STRING(16),
        allowNull: false,
        validate: { isIn: [KINDS] },
      },
      recordedAt: {
        type: DataTypes.DATE,
        allowNull: false,
        defaultValue: DataTypes.NOW,
      },
      title: {
        type: DataTypes.STRING(200),
        allowNull: false,
      },
      body: {
        type: DataTypes.TEXT,
        allowNull: false,
      },
    },
    { tableName: 'medical_records', underscored: true },
  );

  MedicalRecord.KINDS = KINDS;

  MedicalRecord.associate = (models) => {
    MedicalRecord.belongsTo(models.Patient, { as: 'patient', foreignKey: 'patientId', onDelete: 'RESTRICT' });
    MedicalRecord.belongsTo(models.Doctor, { as: 'author', foreignKey: 'authorId', onDelete: 'RESTRICT' });
    MedicalRecord.belongsTo(models.Appointment, {
      as: 'appointment',
      foreignKey: 'appointmentId',
      onDelete: 'SET NULL',
    });
  };

  return MedicalRecord;
};
