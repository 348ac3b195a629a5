package outbox

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
)

// maxBytes is how many bytes of records one INSERT writes, because MySQL refuses statements larger than max_allowed_packet. A larger record has an
// INSERT of its own. Above 100 records, an INSERT writes whole hundreds: PrepareStmt keeps a statement for each number of records.
const (
	hundreds = 100
	maxBytes = 1 << 20
)

// fitting returns how many of the records the next INSERT writes.
func fitting(records []record) int {
	size, n := 0, min(len(records), batch)
	for i := range records[:n] {
		r := &records[i]
		size += len(r.ID) + len(r.Channel) + len(r.Type) + len(r.Subject) + len(r.Headers) + len(r.ContentType) + len(r.Data)
		if size > maxBytes && i > 0 {
			n = i
			break
		}
	}
	if n > hundreds {
		n -= n % hundreds
	}
	return n
}

// insert writes records in a transaction. If they are claimed, it sets their sequences, except on MySQL, which does not return them.
//
// The write waits for this statement. So it goes to the connection of the transaction past GORM's callbacks. GORM's logger sees it.
func (s store) insert(ctx context.Context, tx *gorm.DB, records []record, when due) error {
	if tx.DryRun {
		return nil
	}
	for len(records) > 0 {
		some := records[:fitting(records)]
		records = records[len(some):]
		begun := time.Now()
		text, vars := s.insertion(some, when)
		err := s.runInsert(ctx, tx.Statement.ConnPool, text, vars, some, when)
		trace(ctx, tx, begun, text, vars, len(some), err)
		if err != nil {
			return err
		}
	}
	return nil
}

// returns reports whether the INSERT of records has to return their sequences.
func (s store) returns(when due) bool { return when.claimed && s.dialect == "postgres" }

// insertion returns the INSERT of records.
func (s store) insertion(records []record, when due) (text string, vars []any) {
	const columns, most = 7, 200 // values of a record, and bytes of their text
	var b strings.Builder
	b.Grow(most * (1 + len(records)))
	b.WriteString("INSERT INTO " + s.table + " (id, channel, type, subject, headers, content_type, data, created_at, due_at, error) VALUES ")
	vars = make([]any, 0, columns*len(records))
	for i := range records {
		r := &records[i]
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for n := range columns {
			s.bind(&b, len(vars)+n+1)
			b.WriteString(", ")
		}
		vars = append(vars, r.ID, r.Channel, r.Type, r.Subject, r.Headers, r.ContentType, r.Data)
		b.WriteString(s.now + ", ")
		if when.after > 0 {
			b.WriteString(s.now + " + " + strconv.FormatInt(when.after.Milliseconds(), 10))
		} else {
			b.WriteByte('0')
		}
		b.WriteString(", '')")
	}
	if s.returns(when) {
		b.WriteString(" RETURNING id, sequence")
	}
	return b.String(), vars
}

// bind writes the placeholder of the n-th value of a statement.
func (s store) bind(b *strings.Builder, n int) {
	if s.dialect != "postgres" {
		b.WriteByte('?')
		return
	}
	b.WriteByte('$')
	b.WriteString(strconv.Itoa(n))
}

// runInsert runs an INSERT of records, and sets their sequences if the database tells them.
func (s store) runInsert(ctx context.Context, in gorm.ConnPool, text string, vars []any, records []record, when due) error {
	if s.returns(when) {
		return numbered(ctx, in, text, vars, records)
	}
	result, err := in.ExecContext(ctx, text, vars...)
	if err != nil || s.dialect != "sqlite" {
		return err
	}
	last, err := result.LastInsertId()
	for i := range records { // SQLite has one writer, so it numbers the rows of a statement without gaps
		records[i].Sequence = uint64(last) - uint64(len(records)-1-i) //nolint:gosec // a sequence is positive
	}
	return err
}

// numbered runs an INSERT that returns the sequences of its records.
func numbered(ctx context.Context, in gorm.ConnPool, text string, vars []any, records []record) error {
	rows, err := in.QueryContext(ctx, text, vars...)
	if err != nil {
		return err
	}
	by := make(map[string]*record, len(records)) // RETURNING promises no order
	for i := range records {
		by[records[i].ID] = &records[i]
	}
	return each(rows, func() error {
		var id string
		var sequence uint64
		if err := rows.Scan(&id, &sequence); err != nil {
			return err
		}
		if r := by[id]; r != nil {
			r.Sequence = sequence
		}
		return nil
	})
}

// each calls scan for each row, and closes the rows.
func each(rows *sql.Rows, scan func() error) error {
	defer func() { _ = rows.Close() }() // Err tells what failed
	for rows.Next() {
		if err := scan(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// trace shows a statement to GORM's logger, as GORM does with its own.
func trace(ctx context.Context, db *gorm.DB, begun time.Time, text string, vars []any, affected int, err error) {
	db.Logger.Trace(ctx, begun, func() (string, int64) {
		shown, values := text, vars
		if filter, ok := db.Logger.(gorm.ParamsFilter); ok {
			shown, values = filter.ParamsFilter(ctx, text, vars...)
		}
		return db.Explain(shown, values...), int64(affected)
	}, err)
}
