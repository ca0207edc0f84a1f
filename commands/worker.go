// Package commands answers what people write into comments: "/redundancy
// recover", "done", "status", "validate", "pause", "resume", "explain", "help". The grammar stands in
// [commands/comment]; here a command is authorised, run once and answered.
//
// The order of things makes repetition harmless. Nothing happens before GitHub
// has confirmed the author's permission. What a command did is recorded in the
// transaction that did it, so a retry goes on with the next line. The reaction
// and the reply come last, are idempotent, and failing never undoes or repeats
// a command.
package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/go-github/v62/github"
	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/commands/comment"
	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Clients gives the client of an installation.
type Clients interface {
	Installation(id int64) (*github.Client, error)
}

// Engine is what the commands need of the recovery engine; see fallback.Engine.
type Engine interface {
	// Recover starts a recovery, or says why not. The same DeliveryID gets the
	// same answer again without a second effect.
	Recover(ctx context.Context, r queue.Recover) (fallback.Answer, error)
	// Pause and Unpause hold automatic recovery back and let it go on. The same
	// key gets the same answer again without a second effect.
	Pause(ctx context.Context, r fallback.PauseRequest) (fallback.Answer, error)
	Unpause(ctx context.Context, r fallback.ResumeRequest) (fallback.Answer, error)
	// Explain tells the story of an incident in sentences; ok is false when
	// there is none.
	Explain(ctx context.Context, id int64) (lines []string, ok bool, err error)
	// Status tells about the watched workflows of a repository.
	Status(ctx context.Context, repoID int64) (fallback.RepositoryStatus, error)
}

// Config is what the worker needs. Every field but BotLogin and Registerer must be set.
type Config struct {
	Store   *store.Store
	Queue   queue.Enqueuer
	Clock   clockwork.Clock
	Clients Clients
	Engine  Engine
	// BotLogin gives the login under which the App comments, "slug[bot]", or ""
	// while it is unknown.
	BotLogin func() string
	// Registerer gets redundancy_commands_total{command,outcome}; nil means none.
	Registerer prometheus.Registerer
}

// Worker runs commands and keeps their replies up to date.
type Worker struct {
	Config
	outcomes *prometheus.CounterVec
}

// New makes a worker.
func New(c Config) *Worker {
	if c.BotLogin == nil {
		c.BotLogin = func() string { return "" }
	}
	w := &Worker{Config: c, outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "redundancy_commands_total",
		Help: "Comment commands by what came of them: done, failed or refused.",
	}, []string{"command", "outcome"})}
	if c.Registerer != nil {
		c.Registerer.MustRegister(w.outcomes)
	}
	return w
}

// Workers are the workers by kind, for queue.Queue.Handle.
func (w *Worker) Workers() map[string]queue.Worker {
	return map[string]queue.Worker{
		queue.RunCommand{}.Kind():     {Work: w.Work},
		queue.RefreshReplies{}.Kind(): {Work: w.Refresh},
		queue.UpdateReply{}.Kind():    {Work: w.Update},
	}
}

// Outcomes of a command line.
const (
	done    = "done"
	failed  = "failed"
	refused = "refused"
)

// Work runs the commands of one comment; see queue.RunCommand.
func (w *Worker) Work(ctx context.Context, job queue.Job) error {
	var args queue.RunCommand
	if err := json.Unmarshal(job.Args, &args); err != nil {
		return queue.Permanent(fmt.Errorf("read arguments of %s: %w", job.Kind, err))
	}
	parsed := comment.Parse(args.Body)
	if len(parsed.Requests) == 0 {
		return nil
	}
	log := zerolog.Ctx(ctx).With().Str("delivery_id", args.DeliveryID).Int64("installation_id", args.Repo.InstallationID).
		Str("repo", args.Repo.FullName()).Int("number", args.Number).Str("author", args.Author).Logger()
	ctx = log.WithContext(ctx)
	client, err := w.Clients.Installation(args.Repo.InstallationID)
	if err != nil {
		return fmt.Errorf("run command: %w", err)
	}
	c := &call{Worker: w, client: client, args: args, last: job.Attempt >= job.MaxAttempts, attempt: job.Attempt}

	recorded, err := w.Store.CommandsOf(ctx, args.Repo.ID, args.CommentID)
	if err != nil {
		return err
	}
	if !finished(recorded, parsed) {
		if recorded, err = c.run(ctx, parsed, recorded); err != nil {
			return err
		}
	}
	if err := c.react(ctx, verdict(recorded)); err != nil {
		return err
	}
	return c.reply(ctx, args.Repo, args.Number)
}

// finished says whether an earlier attempt has dealt with every line. A
// refusal is recorded once and speaks for the lines behind it, too.
func finished(recorded []store.Command, parsed comment.Parsed) bool {
	return len(recorded) >= len(parsed.Requests) ||
		slices.ContainsFunc(recorded, func(c store.Command) bool { return c.Outcome == refused })
}

// verdict is the reaction that sums up a comment.
func verdict(recorded []store.Command) string {
	for _, c := range recorded {
		if c.Outcome != done {
			return "confused"
		}
	}
	return "rocket"
}

// call is one attempt at one comment.
type call struct {
	*Worker
	client  *github.Client
	args    queue.RunCommand
	attempt int
	last    bool // no attempt follows this one
}

func (c *call) run(ctx context.Context, parsed comment.Parsed, recorded []store.Command) ([]store.Command, error) {
	allowed, err := c.authorised(ctx)
	if err != nil {
		return nil, err
	}
	if !allowed {
		// A few lines may have run before the permission was taken away.
		row, err := c.record(ctx, len(recorded), parsed.Requests[len(recorded)], result{outcome: refused, answer: refusal})
		return append(recorded, row), err
	}
	if err := c.react(ctx, "eyes"); err != nil {
		// An acknowledgement that fails must not hold up a recovery.
		zerolog.Ctx(ctx).Warn().Err(err).Msg("comment not acknowledged")
	}
	for i := len(recorded); i < len(parsed.Requests); i++ {
		r, err := c.execute(ctx, i, parsed.Requests[i])
		if err != nil {
			return nil, err
		}
		if i == len(parsed.Requests)-1 && parsed.Left > 0 {
			r.answer += fmt.Sprintf("\n\nOnly the first %d commands of a comment are run: %d left out.", comment.MaxCommands, parsed.Left)
		}
		row, err := c.record(ctx, i, parsed.Requests[i], r)
		if err != nil {
			return nil, err
		}
		recorded = append(recorded, row)
	}
	return recorded, nil
}

// record writes down what came of a line, together with the jobs that are its
// effect.
func (c *call) record(ctx context.Context, position int, req comment.Request, r result) (store.Command, error) {
	row := store.Command{
		RepoID: c.args.Repo.ID, CommentID: c.args.CommentID, Position: position, Number: c.args.Number,
		Author: c.args.Author, Line: req.Line, Outcome: r.outcome, Answer: r.answer, IncidentID: r.incident,
		At: store.MillisOf(c.Clock.Now()),
	}
	err := c.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.AddCommand(ctx, row); err != nil {
			return err
		}
		if err := tx.PruneReplies(ctx, c.Clock.Now()); err != nil {
			return err
		}
		return c.Queue.Enqueue(ctx, tx, r.jobs...)
	})
	if err != nil {
		return store.Command{}, fmt.Errorf("record command: %w", err)
	}
	name := req.Name
	if name == "" {
		name = "unknown"
	}
	c.outcomes.WithLabelValues(name, r.outcome).Inc()
	zerolog.Ctx(ctx).Info().Str("command", name).Str("outcome", r.outcome).Int64("incident", r.incident).Msg("command handled")
	return row, nil
}
