package fallback

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/fallback/failure"
	"github.com/redundancy-app/redundancy/githubapi"
)

// Logs reads what a link of the API's leads to; see githubapi.Clients.FetchLog.
type Logs interface {
	FetchLog(ctx context.Context, link *url.URL, limit int) (text []byte, truncated bool, err error)
}

// Bounds of reading a log.
const (
	maxLog     = 8 << 20 // bytes of it, the end of a larger one
	logTime    = 30 * time.Second
	logsAtOnce = 4 // that are read at the same time, which bounds the memory
	logTries   = 2 // what cannot be read must not hold a recovery up for long
	// logRedirects from a repository's former name to its present one.
	logRedirects = 3
)

// failureLog reads the log of the failed job for its first error line. A log
// that cannot be had is an empty report: the recovery goes on without. An error
// is only what GitHub wants waited for.
func (e *Engine) failureLog(ctx context.Context, sc *scope, job *github.WorkflowJob, step *github.TaskStep) (failure.Report, error) {
	// Without a step there is no log; the one of a run that hangs is not
	// complete, or tells of our cancelling.
	if e.Logs == nil || job == nil || len(job.Steps) == 0 || Signal(sc.inc.Signal) == Stalled {
		return failure.Report{}, nil
	}
	select {
	case e.reading <- struct{}{}:
		defer func() { <-e.reading }()
	case <-ctx.Done():
		return failure.Report{}, ctx.Err()
	}
	var err error
	for range logTries {
		var text []byte
		if text, err = e.fetchLog(ctx, sc, job.GetID()); err == nil {
			return failure.Read(text, failure.Section{From: step.GetStartedAt().Time, To: step.GetCompletedAt().Time}), nil
		}
		if _, limited := githubapi.LimitedUntil(err); limited || githubapi.IsDormant(err) || ctx.Err() != nil {
			return failure.Report{}, err
		}
	}
	zerolog.Ctx(ctx).Info().Err(err).Int64("job", job.GetID()).Msg("the log of the failed job cannot be read")
	return failure.Report{}, nil
}

func (e *Engine) fetchLog(ctx context.Context, sc *scope, job int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, logTime)
	defer cancel()
	link, _, err := sc.client.Actions.GetWorkflowJobLogs(ctx, sc.repo.Owner, sc.repo.Name, job, logRedirects)
	if err != nil {
		return nil, fmt.Errorf("read log of job %d: %w", job, err)
	}
	text, _, err := e.Logs.FetchLog(ctx, link, maxLog)
	return text, err
}
