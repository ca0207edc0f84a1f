package store

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func openLint(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "r.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func inTx(t *testing.T, s *Store, f func(ctx context.Context, tx *Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func blobNames(rows []LintResult) []string {
	var names []string
	for _, r := range rows {
		names = append(names, r.Blob)
	}
	slices.Sort(names)
	return names
}

func TestLintResults(t *testing.T) {
	s := openLint(t)
	inTx(t, s, func(ctx context.Context, tx *Tx) error {
		return SaveLintResults(ctx, tx, []LintResult{
			{Blob: "a", Role: "workflow", Version: "1", Result: []byte("one"), UsedAt: 1},
			{Blob: "a", Role: "configuration", Version: "1", Result: []byte("two"), UsedAt: 1},
			{Blob: "b", Role: "workflow", Version: "0", Result: []byte("old"), UsedAt: 1},
			{Blob: "c", Role: "workflow", Version: "1", Result: []byte{}, UsedAt: 1},
		})
	})
	got, err := s.LintResults(t.Context(), "1", "workflow", []string{"a", "b", "c", "d"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "c"}, blobNames(got)); diff != "" {
		t.Errorf("blobs (-want +got):\n%s", diff)
	}
	inTx(t, s, func(ctx context.Context, tx *Tx) error {
		return SaveLintResults(ctx, tx, []LintResult{{Blob: "b", Role: "workflow", Version: "1", Result: []byte("new"), UsedAt: 2}})
	})
	got, err = s.LintResults(t.Context(), "1", "workflow", []string{"b"})
	if err != nil || len(got) != 1 || string(got[0].Result) != "new" || got[0].UsedAt != 2 {
		t.Errorf("another version was not replaced: %+v, %v", got, err)
	}
	if got, err := s.LintResults(t.Context(), "1", "workflow", nil); err != nil || len(got) != 0 {
		t.Errorf("nothing asked: %+v, %v", got, err)
	}
}

func TestLintResultsOfManyBlobs(t *testing.T) {
	s := openLint(t)
	var rows []LintResult
	var blobs []string
	for i := range 2*lintChunk + 1 {
		blobs = append(blobs, fmt.Sprintf("%04d", i))
		rows = append(rows, LintResult{Blob: blobs[i], Role: "workflow", Version: "1", Result: []byte("x"), UsedAt: 1})
	}
	inTx(t, s, func(ctx context.Context, tx *Tx) error { return SaveLintResults(ctx, tx, rows) })
	got, err := s.LintResults(t.Context(), "1", "workflow", blobs)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(blobs, blobNames(got)); diff != "" {
		t.Errorf("blobs (-want +got):\n%s", diff)
	}
}

func TestPruneLintResults(t *testing.T) {
	for name, tc := range map[string]struct {
		before Millis
		keep   int
		want   []string
	}{
		"nothing":             {0, 5, []string{"a", "b", "c", "d"}},
		"old ones":            {3, 5, []string{"c", "d"}},
		"at the moment":       {1, 5, []string{"a", "b", "c", "d"}},
		"rows under the most": {0, 5, []string{"a", "b", "c", "d"}},
		"rows at the most":    {0, 4, []string{"a", "b", "c", "d"}},
		"rows over the most":  {0, 3, []string{"b", "c", "d"}},
		"far over":            {0, 1, []string{"d"}},
		"both":                {2, 2, []string{"c", "d"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := openLint(t)
			inTx(t, s, func(ctx context.Context, tx *Tx) error {
				var rows []LintResult
				for i, b := range []string{"a", "b", "c", "d"} {
					rows = append(rows, LintResult{Blob: b, Role: "workflow", Version: "1", Result: []byte("x"), UsedAt: Millis(i + 1)})
				}
				return SaveLintResults(ctx, tx, rows)
			})
			var n int64
			inTx(t, s, func(ctx context.Context, tx *Tx) (err error) {
				n, err = PruneLintResults(ctx, tx, tc.before, tc.keep)
				return err
			})
			got, err := s.LintResults(t.Context(), "1", "workflow", []string{"a", "b", "c", "d"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, blobNames(got)); diff != "" || int(n) != 4-len(tc.want) {
				t.Errorf("%d rows went, blobs (-want +got):\n%s", n, diff)
			}
		})
	}
}

func TestValidations(t *testing.T) {
	s := openLint(t)
	if _, ok, err := s.Validation(t.Context(), 1, "a"); ok || err != nil {
		t.Errorf("unknown commit: %t, %v", ok, err)
	}
	want := Validation{RepoID: 1, SHA: "a", ExternalID: "x", CheckRunID: 7, Conclusion: "failure", Errors: 2, Warnings: 1, PostedAt: 5}
	inTx(t, s, func(ctx context.Context, tx *Tx) error {
		first := want
		first.ExternalID, first.PostedAt = "first", 1
		if err := SaveValidation(ctx, tx, first); err != nil {
			return err
		}
		if err := SaveValidation(ctx, tx, Validation{RepoID: 2, SHA: "a", PostedAt: 4}); err != nil {
			return err
		}
		return SaveValidation(ctx, tx, want)
	})
	got, ok, err := s.Validation(t.Context(), 1, "a")
	if diff := cmp.Diff(want, got); diff != "" || !ok || err != nil {
		t.Errorf("validation %t, %v (-want +got):\n%s", ok, err, diff)
	}
	inTx(t, s, func(ctx context.Context, tx *Tx) error {
		if n, err := PruneValidations(ctx, tx, 5); n != 1 || err != nil {
			t.Errorf("%d rows went, %v", n, err)
		}
		return nil
	})
	if _, ok, err := s.Validation(t.Context(), 1, "a"); !ok || err != nil {
		t.Errorf("a record at the moment went: %v", err)
	}
}
