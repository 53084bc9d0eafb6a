'use strict';

module.exports = (sequelize, DataTypes) => {
  const Patient = sequelize.define(
    'Patient',
    {
      id: {
        type: DataTypes.UUID,
        defaultValue: DataTypes.UUIDV4,
        primaryKey: true,
      },
      medicalRecordNumber: {
        type: DataTypes.STRING(32),
        allowNull: false,
        unique: true,
      },
      firstName: {
        type: DataTypes.STRING(80),
        allowNull: false,
      },
      lastName: {
        type: DataTypes.STRING(80),
        allowNull: false,
      },
      dateOfBirth: {
        type: DataTypes.DATEONLY,
        allowNull: false,
      },
      phone: {
        type: DataTypes.STRING(32),
      },
    },
    { tableName: 'patients', underscored: true },
  );

  return Patient;
};
