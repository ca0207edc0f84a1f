// Package store is the only place that speaks SQL: deliveries, jobs,
// installations, incidents, steps and claims live in one database, so that a
// thing seen and the work it causes are committed together or not at all.
//
// All writes go through [Store.Update], one transaction at a time (SQLite has
// one writer); reads that need no transaction use [Store.Read], a pool of its
// own that never waits for the writer.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	_ "modernc.org/sqlite" // the "sqlite" driver of database/sql, without cgo
)

// ErrInUse reports that another process holds the database. Two processes on
// one embedded database would both run its jobs, so the second one is refused.
var ErrInUse = errors.New("database is in use by another process")

const (
	// readConns bounds the read pool: enough for the API and the workers,
	// each connection costs about 2 MiB of page cache.
	readConns = 4
	// busyTimeout is how long a connection waits for SQLite's write lock.
	// Only backup tools and the sqlite3 shell compete for it.
	busyTimeout = 5 * time.Second
	// checkpointPages is the length of the log, in pages of 4 KiB, at which it
	// is copied back into the database. A checkpoint costs two fsyncs and each
	// page once, however often the log has it: SQLite's 1,000 would mean one
	// every 300 webhooks.
	checkpointPages = 4000
)

// Store is an open, migrated database. It is safe for concurrent use.
type Store struct {
	write *bun.DB
	read  *bun.DB
	lock  *flock.Flock
	path  string
}

// Open opens the database that databaseURL names, takes it for this process
// and migrates it. The URL is "sqlite:PATH" (PATH is created, mode 0600, when
// missing). Errors wrap [ErrInUse] when another process holds it; every other
// error says that the database could not be opened or migrated.
func Open(ctx context.Context, databaseURL string) (*Store, error) {
	path, ok := strings.CutPrefix(databaseURL, "sqlite:")
	if !ok || path == "" {
		scheme, _, _ := strings.Cut(databaseURL, ":")
		return nil, fmt.Errorf("open database: unsupported scheme %q, want sqlite:PATH", scheme)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	lock, err := takeLock(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	s := &Store{lock: lock, path: path}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	// The file is made here because SQLite would give it the umask's mode,
	// and it holds webhook bodies of private repositories.
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	// auto_vacuum has to come first: it can only be chosen while the file is
	// empty, and journal_mode writes its first page.
	write, err := connect(s.path, 1, "auto_vacuum(incremental)", "journal_mode(wal)", "synchronous(full)",
		"foreign_keys(on)", fmt.Sprintf("wal_autocheckpoint(%d)", checkpointPages))
	if err != nil {
		return err
	}
	s.write = write
	if err := migrate(ctx, write.DB); err != nil {
		return err
	}
	s.read, err = connect(s.path, readConns, "query_only(on)")
	return err
}

// connect opens a pool. synchronous=FULL is what makes a commit survive a
// power cut in WAL mode; _txlock=immediate avoids the upgrade from a read to a
// write transaction, which fails with SQLITE_BUSY instead of waiting.
func connect(path string, conns int, pragmas ...string) (*bun.DB, error) {
	q := url.Values{"_txlock": {"immediate"}}
	q.Add("_pragma", fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()))
	for _, p := range pragmas {
		q.Add("_pragma", p)
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return bun.NewDB(db, sqlitedialect.New()), nil
}

// Close closes the database and releases it for other processes.
func (s *Store) Close() error {
	var errs []error
	if s.read != nil {
		errs = append(errs, s.read.Close())
	}
	if s.write != nil {
		errs = append(errs, s.write.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Unlock())
	}
	return errors.Join(errs...)
}

// Read returns the read-only pool. A query sees the last committed state.
func (s *Store) Read() bun.IDB { return s.read }

// Path is the database file, for messages and for measuring its size.
func (s *Store) Path() string { return s.path }
