package fallback

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/redundancy-app/redundancy/store"
)

// Unpause ends pauses that are in force, and wakes what they hold back. A
// maintenance window that is yet to come is ended by its number only.
func (e *Engine) Unpause(ctx context.Context, r ResumeRequest) (Answer, error) {
	key := pauseKey("resume", r.Key)
	if old, ok, err := e.answered(ctx, key); err != nil || ok {
		return old, err
	}
	var scope store.Pause
	if r.ID == 0 {
		p, answer, err := e.pauseScope(ctx, r.Repo, r.Target)
		if err != nil || answer != nil {
			return deref(answer), err
		}
		scope = p
	}
	var got Answer
	err := e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		open, err := store.OpenPauses(ctx, tx, e.now())
		if err != nil {
			return err
		}
		var ended, left []string
		for i := range open {
			p := &open[i]
			switch {
			case r.ID != 0 && p.ID != r.ID, r.ID == 0 && !within(p, &scope):
				if r.ID == 0 && covers(p, &scope) && p.Begun(e.now()) {
					left = append(left, pauseText(p))
				}
				continue
			case r.ID == 0 && !p.Begun(e.now()):
				left = append(left, fmt.Sprintf("pause %d begins at %s", p.ID, p.FromAt.Time().Format(timeFormat)))
				continue
			}
			if err := tx.EndPause(ctx, p, e.now(), r.Actor); err != nil {
				return err
			}
			if err := e.touchPaused(ctx, tx, p, Suppressed); err != nil {
				return err
			}
			if name := pauseTarget(p); !slices.Contains(ended, name) {
				ended = append(ended, name)
			}
		}
		got = resumeAnswer(r, &scope, ended, left)
		return e.remember(ctx, tx, key, got)
	})
	return got, err
}

// within says that a pause is of the scope or of a part of it. The pauses of
// repositories are no part of that of everything: they were made for themselves.
func within(p, scope *store.Pause) bool {
	if scope.Scope == store.PauseRepository {
		return p.RepoID == scope.RepoID
	}
	return p.Scope == scope.Scope && p.RepoID == scope.RepoID && p.WorkflowPath == scope.WorkflowPath
}

// covers says that a pause is of a scope that the given one is a part of.
func covers(p, scope *store.Pause) bool {
	return p.Scope == store.PauseAll || p.Scope == store.PauseRepository && p.RepoID == scope.RepoID
}

func resumeAnswer(r ResumeRequest, scope *store.Pause, ended, left []string) Answer {
	const most = 5
	still := ""
	if len(left) > 0 {
		still = " Still: " + strings.Join(left[:min(len(left), most)], "; ") + "."
	}
	switch {
	case len(ended) == 0 && r.ID != 0:
		return refuse("There is no pause %d that is in force or to come.", r.ID)
	case len(ended) == 0:
		return refuse("No pause in force was made for %s.%s", pauseTarget(scope), still)
	}
	names := ended[:min(len(ended), most)]
	if more := len(ended) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return Answer{Accepted: true, Message: "Resumed " + strings.Join(names, ", ") + "." + still}
}

// Pauses are the pauses that are in force or to come, oldest first; with past,
// the newest thousand of all.
func (e *Engine) Pauses(ctx context.Context, past bool) ([]Pause, error) {
	const most = 1000
	rows, err := store.OpenPauses(ctx, e.Store.Read(), e.now())
	if past {
		rows, err = store.LatestPauses(ctx, e.Store.Read(), most)
	}
	if err != nil {
		return nil, err
	}
	list := make([]Pause, 0, len(rows))
	for i := range rows {
		list = append(list, viewPause(&rows[i], e.now()))
	}
	return list, nil
}

func viewPause(p *store.Pause, now store.Millis) Pause {
	v := Pause{
		ID: p.ID, Scope: p.Scope, Workflow: p.WorkflowPath, From: p.FromAt.Time(), Until: moment(p.UntilAt),
		Active: p.EndedAt == 0 && p.Begun(now) && (p.UntilAt == 0 || p.UntilAt > now),
		Actor:  p.Actor, Reason: p.Reason, CreatedAt: p.CreatedAt.Time(), EndedAt: moment(p.EndedAt), EndedBy: p.EndedBy,
	}
	if p.RepoID != 0 {
		v.Repo = p.Owner + "/" + p.Repo
	}
	return v
}
