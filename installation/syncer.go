package installation

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Clients are the ways to GitHub that this package needs.
// [githubapi.Clients] has them.
type Clients interface {
	App() *github.Client
	Installation(id int64) (*github.Client, error)
	Forget(id int64)
}

// Config is what a Syncer needs. Every field but Awake, Clock and Registerer
// must be set.
type Config struct {
	Clients Clients
	Store   *store.Store
	Queue   queue.Enqueuer
	Log     zerolog.Logger
	// Awake is called in the transaction that records that an installation
	// works again, or has other permissions.
	Awake      func(ctx context.Context, tx *store.Tx) error
	Clock      clockwork.Clock       // nil: the real one
	Registerer prometheus.Registerer // nil: no metrics
}

// Syncer reads installations from GitHub into the store.
type Syncer struct {
	Config
	running sync.Map // installation id; those whose sync runs now
}

// New makes a Syncer and registers redundancy_installations{state}.
func New(cfg Config) *Syncer {
	if cfg.Clock == nil {
		cfg.Clock = clockwork.NewRealClock()
	}
	if cfg.Registerer != nil {
		cfg.Registerer.MustRegister(&collector{store: cfg.Store, log: cfg.Log})
	}
	return &Syncer{Config: cfg}
}

// Work is the worker of [queue.SyncInstallation]: it asks GitHub for the
// installation's state and repositories, stores both, and has the
// configuration read of every repository that came into view.
func (s *Syncer) Work(ctx context.Context, job queue.Job) error {
	var args queue.SyncInstallation
	if err := json.Unmarshal(job.Args, &args); err != nil {
		return queue.Permanent(fmt.Errorf("sync installation: read arguments: %w", err))
	}
	id := args.InstallationID
	s.running.Store(id, true)
	defer s.running.Delete(id)
	log := zerolog.Ctx(ctx).With().Int64("installation_id", id).Str("delivery_id", args.DeliveryID).Logger()
	if err := s.sync(log.WithContext(ctx), id, args.DeliveryID); err != nil {
		return fmt.Errorf("sync installation %d: %w", id, err)
	}
	return nil
}

func (s *Syncer) sync(ctx context.Context, id int64, deliveryID string) error {
	found, _, err := s.Clients.App().Apps.GetInstallation(ctx, id)
	if githubapi.IsNotFound(err) {
		return s.gone(ctx, id)
	}
	if err != nil {
		return err
	}
	now := convert(found, s.now())
	before, known, err := s.Store.Installation(ctx, id)
	if err != nil {
		return err
	}
	// A token keeps the permissions of the moment when it was minted, and is
	// worth nothing once the installation was suspended.
	if known && (before.Permissions != now.Permissions || before.State != now.State) || now.State != store.InstallationActive {
		s.Clients.Forget(id)
	}
	if now.State != store.InstallationActive {
		return s.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			_, _, err := store.SaveInstallation(ctx, tx, now)
			return err
		})
	}
	repos, whole, err := s.list(ctx, id, now.UpdatedAt)
	if err != nil {
		return err
	}
	return s.save(ctx, now, repos, whole, deliveryID)
}

// save commits what was read together with the work that follows from it.
func (s *Syncer) save(ctx context.Context, now store.Installation, repos []store.Repository, whole bool, deliveryID string) error {
	return s.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		before, known, err := store.SaveInstallation(ctx, tx, now)
		if err != nil {
			return err
		}
		stale, err := store.SaveRepositories(ctx, tx, repos)
		if err != nil {
			return err
		}
		var removed int64
		if whole {
			if removed, err = store.RemoveUnseenRepositories(ctx, tx, now.ID, now.UpdatedAt); err != nil {
				return err
			}
		}
		if known && before.State != now.State { // it slept: pushes and wake-ups have been missed
			if stale, err = store.InstallationRepositories(ctx, tx, now.ID); err != nil {
				return err
			}
		}
		// What GitHub refused for want of a permission may be granted now.
		if s.Awake != nil && known && (before.State != now.State || before.Permissions != now.Permissions) {
			if err := s.Awake(ctx, tx); err != nil {
				return err
			}
		}
		zerolog.Ctx(ctx).Info().Str("account", now.Account).Int("repositories", len(repos)).
			Int("to_read", len(stale)).Int64("removed", removed).Msg("installation read")
		return s.Queue.Enqueue(ctx, tx, loadConfigs(stale, deliveryID)...)
	})
}

func (s *Syncer) gone(ctx context.Context, id int64) error {
	s.Clients.Forget(id)
	return s.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		changed, err := store.SetInstallationState(ctx, tx, id, store.InstallationDeleted, s.now())
		if changed {
			zerolog.Ctx(ctx).Info().Msg("installation is gone")
		}
		return err
	})
}

// Dormant hears that GitHub gave no token for an installation, and has its
// state read. It fits [githubapi.Config].OnDormant.
func (s *Syncer) Dormant(id int64) {
	if _, running := s.running.Load(id); running {
		return // the sync itself asked for the token, and reports
	}
	ctx, cancel := context.WithTimeout(context.Background(), dormantWrite)
	defer cancel()
	known, ok, err := s.Store.Installation(ctx, id)
	if err == nil && ok && known.State != store.InstallationActive {
		return
	}
	if err == nil {
		err = s.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			return s.Queue.Enqueue(ctx, tx, queue.SyncInstallation{InstallationID: id}.Item())
		})
	}
	if err != nil {
		s.Log.Error().Err(err).Int64("installation_id", id).Msg("could not note that an installation gets no token")
	}
}

// dormantWrite bounds a write that is made on the way of a failed request.
const dormantWrite = 5 * time.Second

func (s *Syncer) now() store.Millis { return store.MillisOf(s.Clock.Now()) }

func loadConfigs(repos []store.Repository, deliveryID string) []queue.Item {
	var items []queue.Item
	for _, r := range repos {
		if !r.Archived {
			items = append(items, queue.LoadConfig{Repo: Address(r), DeliveryID: deliveryID}.Item())
		}
	}
	return items
}

// Address is how jobs name a stored repository.
func Address(r store.Repository) queue.Repo {
	return queue.Repo{InstallationID: r.InstallationID, ID: r.ID, Owner: r.Owner, Name: r.Name}
}
