package main

import (
	"strings"
	"testing"
	"time"
)

func TestTheTablesHaveAllThatWasMeasured(t *testing.T) {
	t.Parallel()
	r := results{
		figures: map[string]figures{onSQLite: {published: 1.504}, onPostgres: {published: 1.31, durable: 1.7, byHand: 1.25}},
		counts: map[string]counts{onMariaDB: {
			appendLink: {toNobody: 2, toPost: 4},
			deleteMany: {toNobody: 1, toPost: 5, toPublish: 25, toDurable: 201},
		}},
		slow: map[string]slow{onSQLite: {
			alone: spread{50 * time.Microsecond, 500 * time.Microsecond}, byHand: spread{90 * time.Microsecond, 900 * time.Microsecond},
			onLane: spread{60 * time.Microsecond, 800 * time.Microsecond}, durable: spread{250 * time.Microsecond, 1000 * time.Microsecond},
		}},
		distant: map[string]far{updateKey: {3500 * time.Microsecond, 1.03}},
		writers: []crowd{{16, map[string]float64{toNobody: 2000, toPost: 1900, toPublish: 1500, toDurable: 500}}},
	}
	text := r.text()
	for _, line := range []string{
		"| Publish | SQLite: at most 1.5 of an insert | 1.50 | met |  |",
		"| Publish | PostgreSQL: at most 1.3 of an insert | **1.31** | **missed** | 1.25 |",
		"| W2 post | PostgreSQL, 1 ms away: at most 1.02 of nobody | **1.03** | **missed** |  |",
		"| SQLite, WAL file | 50 us, 500 us | 90 us, 900 us | 60 us, 800 us | 250 us, 1000 us | 0 | 0 | 0 | 0 | 0 | 0 |",
		"| Lane | SQLite, WAL file, p50: at most 200 us more than an insert | +10 us | met |  |",
		"| Lane | SQLite, WAL file, p99: at most 200 us more than an insert | **+300 us** | **missed** |  |",
		"| Durable | SQLite, WAL file, p50: at most 200 us more than an insert | +200 us | met |  |",
		"| Durable | SQLite, WAL file, p99: at most 200 us more than an insert | **+500 us** | **missed** | +400 us |",
		"| m2m append | MariaDB: at most 1 statement more | **+2** | **missed** |  |",
		"| Durable | MariaDB, delete 10,000 rows by a condition: at most 1 statement for 50 rows | **201** | **missed** |  |",
		"| append a many2many link | MariaDB | 2 | 4 | - | - |",
		"| update a row by key | 3.5 ms | 1.03 |",
		"| 16 | 2000 | 0.95 | 0.75 | 0.25 |",
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
}
