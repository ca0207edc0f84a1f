package checks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-github/v62/github"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"

	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/repoconfig"
	"github.com/redundancy-app/redundancy/store"
)

// Timeout of one attempt: a first validation of 1,000 workflow files reads
// them all, which takes minutes. What was read is kept, so an attempt that
// runs out of time is not in vain.
const Timeout = 10 * time.Minute

// Clients gives a client that acts as an installation.
type Clients interface {
	Installation(id int64) (*github.Client, error)
}

// Configurations tells the configuration in force of a repository, from the
// store alone.
type Configurations interface {
	InForce(ctx context.Context, repoID int64) (e repoconfig.Effective, known bool, err error)
}

// Config of a Validator. All fields but Configurations, WebURL and
// Registerer are needed.
type Config struct {
	Store     *store.Store
	Queue     queue.Enqueuer
	Clients   Clients
	Publisher *checkrun.Publisher
	Clock     clockwork.Clock
	// Configurations may be nil: then only the commit's own files count.
	Configurations Configurations
	// WebURL is where people read files; empty: "https://github.com".
	WebURL     string
	Registerer prometheus.Registerer
	// LintBudget is how long the files of one commit may be linted in one
	// attempt; 0 means [DefaultLintBudget]. Reading them from GitHub is not part
	// of it.
	LintBudget time.Duration
}

// DefaultLintBudget is some ten times what 1,000 usual workflow files take. It
// bounds the processor time that a hostile repository gets with a push.
const DefaultLintBudget = time.Minute

// Validator is the worker of [queue.ValidateCommit].
type Validator struct {
	Config
	metrics   metrics
	recent    *lru.Cache[recentKey, recentFile]
	nextPrune atomic.Int64 // Unix ms
	// lints has room for as many files as are linted at once, for all commits
	// together: linting is all processor time, and webhooks need some too.
	lints *semaphore.Weighted
}

// New makes a Validator and registers its metrics.
func New(cfg Config) *Validator {
	if cfg.WebURL == "" {
		cfg.WebURL = "https://github.com"
	}
	recent, err := lru.New[recentKey, recentFile](recentFiles)
	if err != nil {
		panic(err) // for a size below 1 only
	}
	if cfg.LintBudget <= 0 {
		cfg.LintBudget = DefaultLintBudget
	}
	lints := semaphore.NewWeighted(int64(max(1, runtime.GOMAXPROCS(0)-1)))
	return &Validator{Config: cfg, metrics: newMetrics(cfg.Registerer), recent: recent, lints: lints}
}

var commitName = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// Work validates one commit and posts the result, once: a commit that has one
// is left alone unless the job says "again", and an attempt that was cut off
// anywhere is resumed without a second Check Run.
func (v *Validator) Work(ctx context.Context, job queue.Job) error {
	var args queue.ValidateCommit
	if err := json.Unmarshal(job.Args, &args); err != nil {
		return queue.Permanent(fmt.Errorf("read arguments: %w", err))
	}
	log := zerolog.Ctx(ctx).With().Str("delivery_id", args.DeliveryID).Int64("installation_id", args.Repo.InstallationID).
		Str("repo", args.Repo.FullName()).Logger()
	ctx = log.WithContext(ctx)
	if args.SHA == "" {
		return v.resolve(ctx, args)
	}
	if !commitName.MatchString(args.SHA) {
		return queue.Permanent(fmt.Errorf("validate %s: %q is no commit", args.Repo.FullName(), args.SHA))
	}
	if strings.Trim(args.SHA, "0") == "" {
		return nil // a deleted branch
	}
	key := externalID(args, job)
	last, posted, err := v.Store.Validation(ctx, args.Repo.ID, args.SHA)
	if err != nil {
		return err
	}
	if posted && (!args.Again || last.ExternalID == key) {
		return nil
	}
	if err := v.validate(ctx, args, key); err != nil {
		return fmt.Errorf("validate %s of %s: %w", short(args.SHA), args.Repo.FullName(), err)
	}
	v.prune(ctx)
	return nil
}

// externalID is the same on every attempt of a job. All jobs that only want a
// result share one; each wish for another result has its own, which the same
// webhook handled twice also shares.
func externalID(args queue.ValidateCommit, job queue.Job) string {
	switch {
	case !args.Again:
		return "validate/" + args.SHA
	case args.DeliveryID != "":
		return "validate/" + args.SHA + "/" + args.DeliveryID
	default:
		return fmt.Sprintf("validate/%s/job-%d", args.SHA, job.ID)
	}
}

func (v *Validator) validate(ctx context.Context, args queue.ValidateCommit, key string) error {
	started := v.Clock.Now()
	client, err := v.Clients.Installation(args.Repo.InstallationID)
	if err != nil {
		return err
	}
	listed, err := githubapi.RelevantFiles(ctx, client, args.Repo.Owner, args.Repo.Name, args.SHA)
	if err != nil {
		return err
	}
	files, err := v.read(ctx, client, args.Repo, listed)
	if err != nil {
		return err
	}
	inForce, err := v.inForce(ctx, args.Repo.ID)
	if err != nil {
		return err
	}
	report := assemble(files, inForce)
	run := report.CheckRun(Place{WebURL: v.WebURL, Repo: args.Repo, SHA: args.SHA})
	run.ExternalID, run.StartedAt, run.CompletedAt = key, started, v.Clock.Now()
	id, err := v.Publisher.Publish(ctx, client, args.Repo, 0, run)
	if err != nil {
		return err
	}
	errors, warnings, _ := report.Totals()
	err = v.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return store.SaveValidation(ctx, tx, store.Validation{
			RepoID: args.Repo.ID, SHA: args.SHA, ExternalID: key, CheckRunID: id, Conclusion: string(run.Conclusion),
			Errors: errors, Warnings: warnings, PostedAt: store.MillisOf(v.Clock.Now()),
		})
	})
	if err != nil {
		return err
	}
	v.metrics.validations.WithLabelValues(string(run.Conclusion)).Inc()
	zerolog.Ctx(ctx).Info().Str("sha", args.SHA).Int64("check_run", id).Str("conclusion", string(run.Conclusion)).
		Int("files", len(files)).Int("errors", errors).Int("warnings", warnings).Msg("commit validated")
	return nil
}

// inForce is nil when no configuration is known to be in force.
func (v *Validator) inForce(ctx context.Context, repoID int64) (*Effective, error) {
	if v.Configurations == nil {
		return nil, nil
	}
	e, known, err := v.Configurations.InForce(ctx, repoID)
	if err != nil || !known || e.InForce.Source == "" || e.InForce.Source == repoconfig.None {
		return nil, err
	}
	return &Effective{Repository: e.Repository, Source: Source(e.InForce.Source), Path: e.InForce.Path, Commit: e.InForce.Commit}, nil
}

// resolve finds the commit of a branch or tag and enqueues its validation: the
// key that serialises work on a commit needs the commit's name.
func (v *Validator) resolve(ctx context.Context, args queue.ValidateCommit) error {
	ref := args.Ref
	if ref == "" {
		ref = "HEAD" // GitHub: the head of the default branch
	}
	log := zerolog.Ctx(ctx).With().Str("ref", ref).Logger()
	if !plausibleRef(ref) {
		log.Warn().Msg("not validated: no name of a branch, tag or commit")
		return nil
	}
	client, err := v.Clients.Installation(args.Repo.InstallationID)
	if err != nil {
		return err
	}
	sha, _, err := client.Repositories.GetCommitSHA1(ctx, args.Repo.Owner, args.Repo.Name, ref, "")
	var refused *github.ErrorResponse
	if errors.As(err, &refused) && refused.Response != nil {
		switch refused.Response.StatusCode {
		case http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity: // no such ref, an empty repository
			log.Warn().Err(err).Msg("not validated: GitHub knows no such commit")
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("resolve %q of %s: %w", ref, args.Repo.FullName(), err)
	}
	if !commitName.MatchString(sha) {
		return fmt.Errorf("resolve %q of %s: answer is no commit", ref, args.Repo.FullName())
	}
	args.SHA, args.Ref = sha, ""
	return v.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return v.Queue.Enqueue(ctx, tx, args.Item())
	})
}

// plausibleRef keeps what a person wrote from becoming another URL: these are
// the characters and sequences that git refuses in a ref, and no more than 255
// bytes.
func plausibleRef(ref string) bool {
	return len(ref) <= 255 && !strings.Contains(ref, "..") && !strings.Contains(ref, "//") && !strings.Contains(ref, "@{") &&
		!strings.HasPrefix(ref, "/") && !strings.HasPrefix(ref, ".") && !strings.Contains(ref, "/.") && !strings.HasSuffix(ref, "/") &&
		!strings.ContainsFunc(ref, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`~^:?*[\`, r) })
}
