awk -F'|' '
  /^\| `[a-z_]+\.[a-z_]+`/ { split($2, part, /[`.]/); rule[part[2] "." part[3]] = $5 }
  /^\| `[a-z_]+` \| `/     { split($2, table, "`"); split($3, part, /[`,]/); indexed[table[2] "." part[2]] = 1 }
  END {
    for (key in rule) {
      count++
      if (rule[key] !~ /RESTRICT|SET NULL|CASCADE/) { print key ": no delete rule"; bad = 1 }
      if (!(key in indexed)) { print key ": no index begins with it"; bad = 1 }
    }
    print count " foreign keys"
    exit bad
  }' docs/associations.md
