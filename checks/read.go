package checks

import (
	"context"
	"crypto/sha1" //nolint:gosec // git's name of a blob, not a protection
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/redundancy-app/redundancy/checks/rules"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

const (
	// readers is how many blobs are read at once, well below GitHub's 100
	// concurrent requests for all that the App does.
	readers = 8
	// readBatch is how many new blobs are stored in one transaction. An
	// attempt that ends early loses one batch at most.
	readBatch = 64
	// lastSave bounds the time for what was read before a shutdown.
	lastSave = 2 * time.Second
)

// read finds out what is known about the listed files: from the store, or by
// reading and linting what was not seen before.
func (v *Validator) read(ctx context.Context, client *github.Client, repo queue.Repo, listed []githubapi.File) ([]file, error) {
	files := make([]file, len(listed))
	b := &budget{left: v.LintBudget}
	byRole := map[string][]string{}
	for i, f := range listed {
		files[i].path = f.Path
		if f.Size > rules.MaxFile {
			files[i].tooLarge = f.Size
			continue
		}
		byRole[roleOf(f.Path)] = append(byRole[roleOf(f.Path)], f.BlobSHA)
	}
	for role, blobs := range byRole {
		slices.Sort(blobs)
		blobs = slices.Compact(blobs)
		known, err := v.known(ctx, role, blobs)
		if err != nil {
			return nil, err
		}
		missing := slices.DeleteFunc(blobs, func(b string) bool { return known[b] != nil })
		if err := v.fetch(ctx, client, repo, role, b, missing, known); err != nil {
			return nil, err
		}
		for i, f := range listed {
			if files[i].tooLarge > 0 || roleOf(f.Path) != role {
				continue
			}
			if r := known[f.BlobSHA]; r != nil {
				files[i].analysis, files[i].content, files[i].tooLarge = r.analysis, r.content, r.tooLarge
			} else {
				files[i].unchecked = true
			}
		}
	}
	return files, nil
}

func roleOf(path string) string {
	if isWorkflow(path) {
		return roleWorkflow
	}
	return roleConfiguration
}

// fetch reads blobs, finds out about them, and stores that batch by batch. It
// leaves out workflows that the budget has no time for.
func (v *Validator) fetch(ctx context.Context, client *github.Client, repo queue.Repo, role string, b *budget, blobs []string, known map[string]*file) error {
	for batch := range slices.Chunk(blobs, readBatch) {
		got := make([]*file, len(batch))
		// After an error the requests under way are let finish, and nothing new
		// is begun: cancelled ones would have been paid for and not be kept.
		var group errgroup.Group
		var stop atomic.Bool
		group.SetLimit(readers)
		for i, blob := range batch {
			group.Go(func() (err error) {
				if stop.Load() || role == roleWorkflow && b.spent() {
					return nil
				}
				if err = ctx.Err(); err == nil {
					got[i], err = v.fetchOne(ctx, client, repo, role, b, blob)
				}
				if err != nil {
					stop.Store(true)
				}
				return err
			})
		}
		failed := group.Wait()
		rows := make([]store.LintResult, 0, len(batch))
		for i, f := range got {
			if f == nil {
				continue
			}
			known[batch[i]] = f
			if f.tooLarge == 0 {
				row, err := encode(role, batch[i], f, store.MillisOf(v.Clock.Now()))
				if err != nil {
					return err
				}
				rows = append(rows, row)
				v.remember(row, f, v.Clock.Now())
			}
		}
		if err := errors.Join(failed, v.save(ctx, rows)); err != nil {
			return err
		}
	}
	return nil
}

// save stores what was found out, even when ctx ended meanwhile: the next
// attempt begins where this one stopped.
func (v *Validator) save(ctx context.Context, rows []store.LintResult) error {
	if len(rows) == 0 {
		return nil
	}
	if ctx.Err() != nil {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSave)
		defer cancel()
		ctx = late
	}
	return v.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return store.SaveLintResults(ctx, tx, rows)
	})
}

// fetchOne returns nil without an error when there is no time for the file.
func (v *Validator) fetchOne(ctx context.Context, client *github.Client, repo queue.Repo, role string, b *budget, blob string) (*file, error) {
	content, err := githubapi.Blob(ctx, client, repo.Owner, repo.Name, blob, rules.MaxFile)
	if errors.Is(err, githubapi.ErrTooLarge) {
		return &file{tooLarge: rules.MaxFile + 1}, nil // the listing had another size
	}
	if err != nil {
		return nil, err
	}
	// What is cached counts for every repository with this blob, so an answer
	// that was garbled on its way must not get in.
	if name := gitName(content, len(blob)); name != blob {
		return nil, fmt.Errorf("read blob %s of %s: the answer has the name %s", blob, repo.FullName(), name)
	}
	if role == roleConfiguration {
		return &file{content: content}, nil
	}
	a, err := v.lintOne(ctx, b, content)
	if a == nil || err != nil {
		return nil, err
	}
	if len(a.Findings) > 0 && a.Findings[0].Rule == rules.Internal {
		zerolog.Ctx(ctx).Error().Str("blob", blob).Str("cause", a.Findings[0].Message).Msg("the linter failed on a workflow file")
	}
	return &file{analysis: *a}, nil
}

// gitName is git's name of a blob, in hexadecimal digits.
func gitName(content []byte, digits int) string {
	h := sha1.New() //nolint:gosec // see the import
	if digits == hex.EncodedLen(sha256.Size) {
		h = sha256.New()
	}
	fmt.Fprintf(h, "blob %d\x00", len(content))
	h.Write(content)
	return hex.EncodeToString(h.Sum(nil))
}
