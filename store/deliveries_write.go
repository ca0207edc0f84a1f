package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// NewDelivery is a delivery to store. GUIDs must differ within one Insert.
type NewDelivery struct {
	GUID           string
	Event          string
	Action         string
	InstallationID int64
	Repository     string
	ReceivedAt     Millis
	Size           int
	Body           []byte // compressed; kept as it is
}

// DeliveryMark is the result of handling a delivery.
type DeliveryMark struct {
	ID          int64
	ProcessedAt Millis // 0 leaves it pending
	Error       string // "" clears the error of an earlier handling
}

// maxInsert is the most rows of one statement; larger batches use several.
const maxInsert = 64

// DeliveryWriter writes deliveries with statements that are compiled once:
// compiling a multi-row INSERT costs SQLite more than running it, and the
// formatting of a query builder more than both. Use it only within
// [Store.Update] of the store it was made for.
type DeliveryWriter struct {
	insert [7]*sql.Stmt // of 1, 2, 4 … maxInsert rows
	mark   *sql.Stmt
	args   []any
}

// NewDeliveryWriter compiles the statements. They live as long as the store.
func (s *Store) NewDeliveryWriter(ctx context.Context) (*DeliveryWriter, error) {
	w := &DeliveryWriter{}
	for i := range w.insert {
		stmt, err := s.write.DB.PrepareContext(ctx, insertDeliveries(1<<i))
		if err != nil {
			return nil, fmt.Errorf("prepare delivery writer: %w", err)
		}
		w.insert[i] = stmt
	}
	stmt, err := s.write.DB.PrepareContext(ctx, `UPDATE deliveries SET processed_at = ?, error = ? WHERE id = ?`)
	if err != nil {
		return nil, fmt.Errorf("prepare delivery writer: %w", err)
	}
	w.mark = stmt
	return w, nil
}

func insertDeliveries(rows int) string {
	return `INSERT INTO deliveries (guid, event, action, installation_id, repository, received_at, size, body) VALUES ` +
		strings.TrimSuffix(strings.Repeat("(?,?,?,?,?,?,?,?),", rows), ",") +
		` ON CONFLICT (guid) DO NOTHING RETURNING guid`
}

// Insert stores the deliveries whose GUID is not there yet and reports for
// each whether it was new, appending to fresh. It must not be called by two
// goroutines at once.
func (w *DeliveryWriter) Insert(ctx context.Context, tx *Tx, list []NewDelivery, fresh []bool) ([]bool, error) {
	for len(list) > 0 {
		size := 0 // log2 of the rows of this statement
		for size+1 < len(w.insert) && 2<<size <= len(list) {
			size++
		}
		chunk := list[:1<<size]
		list = list[1<<size:]
		var err error
		if fresh, err = w.insertChunk(ctx, tx, w.insert[size], chunk, fresh); err != nil {
			return nil, fmt.Errorf("insert deliveries: %w", err)
		}
	}
	return fresh, nil
}

func (w *DeliveryWriter) insertChunk(ctx context.Context, tx *Tx, stmt *sql.Stmt, chunk []NewDelivery, fresh []bool) ([]bool, error) {
	w.args = w.args[:0]
	for i := range chunk {
		d := &chunk[i]
		w.args = append(w.args, d.GUID, d.Event, d.Action, d.InstallationID, d.Repository,
			int64(d.ReceivedAt), int64(d.Size), d.Body)
	}
	rows, err := tx.Tx.Tx.StmtContext(ctx, stmt).QueryContext(ctx, w.args...)
	clear(w.args) // bodies go back to their pool
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	start := len(fresh)
	for range chunk {
		fresh = append(fresh, false)
	}
	var guid string
	for rows.Next() {
		if err := rows.Scan(&guid); err != nil {
			return nil, err
		}
		for i := range chunk {
			if chunk[i].GUID == guid {
				fresh[start+i] = true
				break
			}
		}
	}
	return fresh, rows.Err()
}

// Mark records how the handling of a delivery ended.
func (w *DeliveryWriter) Mark(ctx context.Context, tx *Tx, m DeliveryMark) error {
	_, err := tx.Tx.Tx.StmtContext(ctx, w.mark).ExecContext(ctx, int64(m.ProcessedAt), m.Error, m.ID)
	if err != nil {
		return fmt.Errorf("mark delivery %d: %w", m.ID, err)
	}
	return nil
}

// ReopenDelivery makes a delivery pending again, so that retention leaves it
// alone until it was handled once more. [ErrNoDelivery] when it is not there.
func ReopenDelivery(ctx context.Context, tx *Tx, guid string) error {
	res, err := tx.NewUpdate().Table("deliveries").Set("processed_at = 0, error = ''").Where("guid = ?", guid).Exec(ctx)
	if err != nil {
		return fmt.Errorf("reopen delivery %q: %w", guid, err)
	}
	if n, err := res.RowsAffected(); err != nil {
		return fmt.Errorf("reopen delivery %q: %w", guid, err)
	} else if n == 0 {
		return fmt.Errorf("reopen delivery %q: %w", guid, ErrNoDelivery)
	}
	return nil
}

// Unusable reports whether err says that the database as a whole cannot be
// written now (closed, full, locked, damaged, read-only), as opposed to a
// statement that was refused. Writing something else next would fail as well.
func Unusable(err error) bool {
	if errors.Is(err, sql.ErrConnDone) || err != nil && strings.Contains(err.Error(), "sql: database is closed") {
		return true // database/sql has no exported value for a closed pool
	}
	var se *sqlite.Error
	if !errors.As(err, &se) {
		return false
	}
	switch se.Code() & 0xff { // the primary code; extended ones stand in the bits above
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY,
		sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
		sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_PROTOCOL:
		return true
	}
	return false
}
