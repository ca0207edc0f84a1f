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
	ID             int64 // given by Insert
	GUID           string
	Event          string
	Action         string
	InstallationID int64
	Repository     string
	ReceivedAt     Millis
	ProcessedAt    Millis // set when there is nothing to handle
	Direct         bool   // this process handles it without a job
	Size           int
	Body           []byte // compressed; kept as it is
}

// DeliveryMark is the result of handling a delivery.
type DeliveryMark struct {
	ID          int64
	ProcessedAt Millis // 0 leaves it pending
	Error       string // "" clears the error of an earlier handling
}

// DeliveryWriter writes deliveries with statements that are compiled once:
// compiling a multi-row INSERT costs SQLite more than running it, and the
// formatting of a query builder more than both. Use it only within
// [Store.Update] of the store it was made for.
type DeliveryWriter struct {
	insert  [7]*sql.Stmt // of 1, 2, 4 … 64 rows; larger batches use several
	present *sql.Stmt
	mark    *sql.Stmt
	done    *sql.Stmt
	args    []any
	next    int64 // id of the next delivery; it is the only one that inserts
}

// NewDeliveryWriter compiles the statements. They live as long as the store.
func (s *Store) NewDeliveryWriter(ctx context.Context) (*DeliveryWriter, error) {
	w := &DeliveryWriter{}
	if err := s.write.NewRaw(`SELECT coalesce(max(id), 0) + 1 FROM deliveries`).Scan(ctx, &w.next); err != nil {
		return nil, fmt.Errorf("prepare delivery writer: %w", err)
	}
	prepare := func(stmt **sql.Stmt, query string) (err error) {
		if *stmt, err = s.write.DB.PrepareContext(ctx, query); err != nil { //nolint:sqlclosecheck // lives as long as the store
			return fmt.Errorf("prepare delivery writer: %w", err)
		}
		return nil
	}
	for i := range w.insert {
		if err := prepare(&w.insert[i], insertDeliveries(1<<i)); err != nil {
			return nil, err
		}
	}
	return w, errors.Join(
		prepare(&w.present, `SELECT id FROM deliveries WHERE id BETWEEN ? AND ?`),
		prepare(&w.mark, `UPDATE deliveries SET processed_at = ?, error = ? WHERE id = ?`),
		prepare(&w.done, `UPDATE deliveries SET processed_at = ? WHERE id IN (SELECT value FROM json_each(?))`),
	)
}

const insertColumns = 11

func insertDeliveries(rows int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?,", insertColumns), ",") + "),"
	return `INSERT INTO deliveries (id, guid, event, action, installation_id, repository, received_at, processed_at, direct, size, body) VALUES ` +
		strings.TrimSuffix(strings.Repeat(row, rows), ",") + ` ON CONFLICT (guid) DO NOTHING`
}

// Insert stores the deliveries whose GUID is not there yet, gives each an id,
// and reports for each whether it was new, appending to fresh. It must not be
// called by two goroutines at once.
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

// insertChunk asks which rows are there only when the count says that some are
// not: RETURNING would make SQLite keep and hand over every row, for a
// redelivery that is one in thousands.
func (w *DeliveryWriter) insertChunk(ctx context.Context, tx *Tx, stmt *sql.Stmt, chunk []NewDelivery, fresh []bool) ([]bool, error) {
	first := w.next
	w.args = w.args[:0]
	for i := range chunk {
		d := &chunk[i]
		d.ID = w.next
		w.next++ // also when this fails: gaps do no harm
		w.args = append(w.args, d.ID, d.GUID, d.Event, d.Action, d.InstallationID, d.Repository,
			int64(d.ReceivedAt), int64(d.ProcessedAt), d.Direct, int64(d.Size), d.Body)
	}
	res, err := tx.Tx.Tx.StmtContext(ctx, stmt).ExecContext(ctx, w.args...) //nolint:sqlclosecheck // the transaction closes it
	clear(w.args)                                                           // bodies go back to their pool
	if err != nil {
		return nil, err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return nil, err
	}
	all := n == int64(len(chunk))
	start := len(fresh)
	for range chunk {
		fresh = append(fresh, all)
	}
	if all || n == 0 {
		return fresh, nil
	}
	rows, err := tx.Tx.Tx.StmtContext(ctx, w.present).QueryContext(ctx, first, w.next-1) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		fresh[start+int(id-first)] = true
	}
	return fresh, rows.Err()
}

// MarkDone records that deliveries were handled, all with one statement.
func (w *DeliveryWriter) MarkDone(ctx context.Context, tx *Tx, at Millis, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	if _, err := tx.Tx.Tx.StmtContext(ctx, w.done).ExecContext(ctx, int64(at), jsonList(ids)); err != nil { //nolint:sqlclosecheck // the transaction closes it
		return fmt.Errorf("mark %d deliveries: %w", len(ids), err)
	}
	return nil
}

// Mark records how the handling of a delivery ended.
func (w *DeliveryWriter) Mark(ctx context.Context, tx *Tx, m DeliveryMark) error {
	_, err := tx.Tx.Tx.StmtContext(ctx, w.mark).ExecContext(ctx, int64(m.ProcessedAt), m.Error, m.ID) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return fmt.Errorf("mark delivery %d: %w", m.ID, err)
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
