if command -v node >/dev/null; then
  node scripts/check.js
else
  echo "node not found: only the indexes of foreign keys are checked"
  awk '
    /createTable\(/ { split($0, part, "\047"); table = part[2] }
    /^      [a-z_]+: \{/ { sub(/:.*/, ""); column = $1 }
    /references:/ { foreign[table "." column] = 1 }
    /addIndex\(/ { split($0, part, "\047"); indexed[part[2] "." part[4]] = 1 }
    END {
      for (key in foreign) {
        count++
        if (!(key in indexed)) { print key ": a foreign key without an index that begins with it"; bad = 1 }
      }
      print count + 0 " foreign keys"
      exit bad
    }' migrations/*.js
fi
