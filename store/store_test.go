package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redundancy-app/redundancy/store"
)

func open(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestOpenRefusesWhatItCannotUse(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{
		"unknown scheme": "mysql://user:hunter2@host/db",
		"no path":        "sqlite:",
		"not a database": "sqlite:" + text,
		"a directory":    "sqlite:" + dir,
	} {
		t.Run(name, func(t *testing.T) {
			s, err := store.Open(t.Context(), url)
			if err == nil {
				t.Fatal("opened", s.Path())
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

func TestDatabaseFilesAreForTheOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "r.db")
	open(t, path)
	for file, want := range map[string]os.FileMode{path: 0o600, path + ".lock": 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", file, got, want)
		}
	}
}

// TestSecondProcessIsRefused starts this test binary again, because a lock
// held by one process says nothing about two.
func TestSecondProcessIsRefused(t *testing.T) {
	if path := os.Getenv("STORE_SECOND"); path != "" {
		_, err := store.Open(context.Background(), "sqlite:"+path)
		fmt.Println(errors.Is(err, store.ErrInUse), err)
		return
	}
	path := filepath.Join(t.TempDir(), "r.db")
	s := open(t, path)
	second := func() string {
		cmd := exec.Command(os.Args[0], "-test.run=^TestSecondProcessIsRefused$", "-test.v")
		cmd.Env = append(os.Environ(), "STORE_SECOND="+path)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	if out := second(); !strings.Contains(out, fmt.Sprintf("true open database %s: database is in use by another process (pid %d", path, os.Getpid())) {
		t.Errorf("second process: %s", out)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if out := second(); !strings.Contains(out, "false <nil>") {
		t.Errorf("after the first one has closed: %s", out)
	}
}

func TestUpdateCommitsAllOrNothing(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "r.db"))
	insert := func(ctx context.Context, tx *store.Tx, guid string) error {
		_, err := tx.NewRaw("INSERT INTO deliveries (guid, event, received_at, size, body) VALUES (?, 'push', 1, 0, x'')", guid).Exec(ctx)
		return err
	}
	count := func() (n int) {
		if err := s.Read().NewRaw("SELECT count(*) FROM deliveries").Scan(t.Context(), &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	var order []string
	err := s.Update(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		tx.OnCommit(func() { order = append(order, fmt.Sprintf("first sees %d", count())) })
		tx.OnCommit(func() { order = append(order, "second") })
		return insert(ctx, tx, "a")
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, ", "); got != "first sees 1, second" {
		t.Errorf("commit hooks: %s", got)
	}
	boom := errors.New("boom")
	err = s.Update(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		tx.OnCommit(func() { t.Error("a hook ran after a rollback") })
		if err := insert(ctx, tx, "b"); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("update: %v", err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = s.Update(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			if err := insert(ctx, tx, "c"); err != nil {
				return err
			}
			panic("in a transaction")
		})
	}()
	if n := count(); n != 1 {
		t.Errorf("%d rows after a rollback and a panic, want 1", n)
	}
	if err := s.Update(t.Context(), func(ctx context.Context, tx *store.Tx) error { return insert(ctx, tx, "d") }); err != nil {
		t.Errorf("the writer is not usable after a panic: %v", err)
	}
}

func TestReadPoolCannotWrite(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "r.db"))
	if _, err := s.Read().NewRaw("DELETE FROM deliveries").Exec(t.Context()); err == nil {
		t.Error("the read pool deleted rows")
	}
}

func TestDatabaseIsDurableAgainstPowerCuts(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "r.db"))
	err := s.Update(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		var mode string
		var level int
		if err := tx.NewRaw("PRAGMA journal_mode").Scan(ctx, &mode); err != nil {
			return err
		}
		if err := tx.NewRaw("PRAGMA synchronous").Scan(ctx, &level); err != nil {
			return err
		}
		if mode != "wal" || level != 2 {
			t.Errorf("journal_mode %s, synchronous %d; want wal and 2 (FULL)", mode, level)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
