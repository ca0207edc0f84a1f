package fallback

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
)

const (
	// lastTries is the attempt from which a job is put off instead of tried at
	// the queue's pace: three more would make it a dead letter.
	lastTries = queue.DefaultMaxAttempts - 3
	// maxPatience is how long a look at a run or a push is put off. An incident
	// is never given up.
	maxPatience = 7 * 24 * time.Hour
)

// beyondHelp says that an error is not GitHub's trouble, or that the queue
// deals with it by itself.
func beyondHelp(ctx context.Context, err error) bool {
	var snooze *queue.SnoozeError
	var permanent *queue.PermanentError
	_, limited := githubapi.LimitedUntil(err)
	return limited || errors.As(err, &snooze) || errors.As(err, &permanent) || errors.Is(ctx.Err(), context.Canceled)
}

// outlive keeps an incident awake through an outage of whatever length: a dead
// letter would leave it as it is until the next start.
func (e *Engine) outlive(ctx context.Context, job queue.Job, id int64, err error) error {
	err = fmt.Errorf("advance incident %d: %w", id, err)
	if beyondHelp(ctx, err) || job.Attempt < lastTries {
		return err
	}
	zerolog.Ctx(ctx).Warn().Err(err).Int64("incident", id).Msg("tried in vain for long, trying again in an hour")
	if err := e.later(context.WithoutCancel(ctx), id, e.Clock.Now().Add(pollDormant)); err != nil {
		return fmt.Errorf("put off incident %d: %w", id, err)
	}
	return nil
}

// patient puts a look at a run or a push off that GitHub refuses, or fails to
// answer for long: nothing else would look again.
func (e *Engine) patient(ctx context.Context, job queue.Job, err error) error {
	if err == nil || beyondHelp(ctx, err) {
		return err
	}
	var elsewhere *runs.ElsewhereError
	refused := githubapi.Outcome(err) == githubapi.Refused || githubapi.IsDormant(err) || errors.As(err, &elsewhere)
	age := e.Clock.Since(job.CreatedAt)
	if age > maxPatience || !refused && job.Attempt < lastTries {
		return err
	}
	return queue.Snooze(e.Clock.Now().Add(min(max(age/4, e.scaled(pollMin)), pollDormant)), err)
}
