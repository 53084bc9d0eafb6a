if command -v node >/dev/null; then
  node --test test/
else
  echo "node not found: only the files are looked for"
  grep -c "^test(" test/booking.test.js && grep -q "Appointment" src/services/booking.js
fi
