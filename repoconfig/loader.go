package repoconfig

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/go-github/v62/github"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// factsKept bounds the workflows whose facts are kept in memory. One costs
// well under 1 kB.
const factsKept = 4096

// Clients hands out the client of an installation, as [githubapi.Clients] does.
type Clients interface {
	Installation(id int64) (*github.Client, error)
}

// Config is what a Loader needs.
type Config struct {
	Store   *store.Store
	Clients Clients
	Clock   clockwork.Clock
	// Enrol is told, in the transaction that stores it, which configuration is
	// in force, and the facts of its workflow files at the head of the default
	// branch by path. nil: nobody wants to know.
	Enrol func(ctx context.Context, tx *store.Tx, repo queue.Repo, c config.Repository, facts map[string]config.WorkflowFacts) error
	// Registerer takes the metrics; nil: none are kept.
	Registerer prometheus.Registerer
}

// Loader loads configurations and says which one is in force. It is safe for
// concurrent use.
type Loader struct {
	cfg   Config
	read  *lru.Cache[string, config.WorkflowFacts] // by blob SHA
	loads *prometheus.CounterVec
}

// New makes a Loader.
func New(cfg Config) (*Loader, error) {
	if cfg.Clock == nil {
		cfg.Clock = clockwork.NewRealClock()
	}
	read, err := lru.New[string, config.WorkflowFacts](factsKept)
	if err != nil {
		return nil, fmt.Errorf("set up configuration loader: %w", err)
	}
	l := &Loader{cfg: cfg, read: read, loads: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "redundancy_config_loads_total",
		Help: "Configurations of repositories that were looked for, by result: good, broken, none, unchanged, error.",
	}, []string{"result"})}
	if cfg.Registerer != nil {
		if err := cfg.Registerer.Register(l.loads); err != nil {
			return nil, fmt.Errorf("set up configuration loader: %w", err)
		}
	}
	return l, nil
}

// InForce returns what holds for a repository as far as the database knows.
// known is false when its configuration was never looked for: [Loader.Load]
// it. It makes no request.
func (l *Loader) InForce(ctx context.Context, repoID int64) (e Effective, known bool, err error) {
	row, known, err := l.cfg.Store.RepositoryConfig(ctx, repoID)
	if err != nil || !known {
		return Effective{}, false, err
	}
	e, err = effective(row)
	return e, err == nil, err
}

// WithoutOwn lists an owner's repositories that have no file of their own, so
// that a push to the owner's default can load them again.
func (l *Loader) WithoutOwn(ctx context.Context, owner string) ([]queue.Repo, error) {
	rows, err := l.cfg.Store.RepositoryConfigsOf(ctx, owner)
	if err != nil {
		return nil, err
	}
	repos := make([]queue.Repo, 0, len(rows))
	for _, r := range rows {
		repos = append(repos, queue.Repo{InstallationID: r.InstallationID, ID: r.RepoID, Owner: r.Owner, Name: r.Name})
	}
	return repos, nil
}

// Work is the worker of [queue.LoadConfig].
func (l *Loader) Work(ctx context.Context, job queue.Job) error {
	var args queue.LoadConfig
	if err := json.Unmarshal(job.Args, &args); err != nil {
		return queue.Permanent(fmt.Errorf("decode %s: %w", job.Kind, err))
	}
	log := zerolog.Ctx(ctx).With().Str("delivery_id", args.DeliveryID).Str("repo", args.Repo.FullName()).
		Int64("installation_id", args.Repo.InstallationID).Logger()
	if _, err := l.Load(log.WithContext(ctx), args.Repo); err != nil {
		return err
	}
	return l.stale(ctx, args, job.CreatedAt)
}

// How long GitHub's answers are taken to lag behind a push, and the pause
// before it is asked again.
const (
	maxLag   = time.Minute
	lagPause = 5 * time.Second
)

// stale puts the job off while GitHub shows the head from before the push that
// caused it: the configuration that was pushed would otherwise wait for the
// next push.
func (l *Loader) stale(ctx context.Context, args queue.LoadConfig, since time.Time) error {
	now := l.cfg.Clock.Now()
	if args.Before == "" || now.Sub(since) >= maxLag {
		return nil
	}
	row, known, err := l.cfg.Store.RepositoryConfig(ctx, args.Repo.ID)
	if err != nil || !known || row.HeadSHA != args.Before {
		return err
	}
	return queue.Snooze(now.Add(lagPause), fmt.Errorf("GitHub still shows %s as the head of %s", args.Before, args.Repo.FullName()))
}

// Load asks GitHub for a repository's configuration and puts it in force when
// it is good. A broken one is recorded with its findings, and the last good
// one stays. An error means that GitHub could not be asked or the database not
// written; nothing has changed then, and the call can be repeated.
//
// When nothing has changed it costs two conditional requests with a file of
// its own; without one, two more for the owner's default.
func (l *Loader) Load(ctx context.Context, repo queue.Repo) (Effective, error) {
	e, result, err := l.load(ctx, repo)
	if err != nil {
		l.loads.WithLabelValues("error").Inc()
		return Effective{}, fmt.Errorf("load configuration of %s: %w", repo.FullName(), err)
	}
	l.loads.WithLabelValues(result).Inc()
	return e, nil
}

func (l *Loader) load(ctx context.Context, repo queue.Repo) (Effective, string, error) {
	old, known, err := l.cfg.Store.RepositoryConfig(ctx, repo.ID)
	if err != nil {
		return Effective{}, "", err
	}
	client, err := l.cfg.Clients.Installation(repo.InstallationID)
	if err != nil {
		return Effective{}, "", err
	}
	t, err := open(ctx, client, repo)
	if err != nil {
		return Effective{}, "", err
	}
	repo.Owner, repo.Name = t.owner, t.name
	if known && old.Source == string(Own) && old.HeadSHA == t.head && current(old) {
		e, err := l.unchanged(ctx, repo, old, old.CommitSHA, t.head)
		return e, "unchanged", err
	}
	if err := t.list(ctx); err != nil {
		return Effective{}, "", err
	}
	c, err := l.find(ctx, t)
	if err != nil {
		return Effective{}, "", err
	}
	if known && old.Fingerprint == c.fingerprint() {
		e, err := l.unchanged(ctx, repo, old, c.Commit, t.head)
		return e, "unchanged", err
	}
	var content []byte
	if known && c.BlobSHA != "" && old.BlobSHA == c.BlobSHA && len(old.Content) > 0 {
		content = old.Content
	}
	ev, err := l.evaluate(ctx, c, content)
	if err != nil {
		return Effective{}, "", err
	}
	e, err := l.save(ctx, repo, old, c, ev)
	return e, outcome(e), err
}

// ownerDefault opens the owner's repository ".github", nil when there is none
// or this installation may not see it.
func (l *Loader) ownerDefault(ctx context.Context, repo *tree) (*tree, error) {
	if repo.name == config.OwnerRepo {
		return nil, nil
	}
	t, err := open(ctx, repo.client, queue.Repo{Owner: repo.owner, Name: config.OwnerRepo})
	if err == nil {
		err = t.list(ctx)
	}
	if isHidden(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read default of %s: %w", repo.owner, err)
	}
	return t, nil
}

func outcome(e Effective) string {
	switch {
	case e.Broken:
		return "broken"
	case e.Source == None:
		return "none"
	}
	return "good"
}
