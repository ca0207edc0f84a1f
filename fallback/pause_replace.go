package fallback

import (
	"context"
	"fmt"

	"github.com/redundancy-app/redundancy/store"
)

// replacePause ends the pauses of p's scope that are in force, unless p begins
// later. Those of others that end after p stay: nobody shortens the pause of
// somebody else by asking for one. It returns the longest of them, if there
// are any, and a refusal when there is no room for another pause.
func (e *Engine) replacePause(ctx context.Context, tx *store.Tx, p *store.Pause) (beside *store.Pause, no *Answer, err error) {
	open, err := store.OpenPauses(ctx, tx, e.now())
	if err != nil {
		return nil, nil, err
	}
	begun, kept := p.Begun(e.now()), 0
	for i := range open {
		o := &open[i]
		if o.Scope != p.Scope || o.RepoID != p.RepoID || o.WorkflowPath != p.WorkflowPath || o.Begun(e.now()) != begun {
			continue
		}
		if begun && (o.Actor == p.Actor || !outlasts(o, p)) {
			if err := tx.EndPause(ctx, o, e.now(), p.Actor); err != nil {
				return nil, nil, err
			}
			continue
		}
		kept++
		if begun && (beside == nil || outlasts(o, beside)) {
			beside = o
		}
	}
	switch {
	case kept < maxOpenPauses:
		return beside, nil, nil
	case begun:
		a := refuse("%d longer pauses of %s are in force already, the longest %s; resume ends them.", kept, pauseTarget(p), untilText(beside))
		return nil, &a, nil
	}
	a := refuse("There are %d maintenance windows of %s to come already. The list of pauses has their numbers, and resume with a number ends one.", kept, pauseTarget(p))
	return nil, &a, nil
}

// outlasts says that a ends after b.
func outlasts(a, b *store.Pause) bool {
	return b.UntilAt != 0 && (a.UntilAt == 0 || a.UntilAt > b.UntilAt)
}

// untilText says when a pause ends.
func untilText(p *store.Pause) string {
	if p.UntilAt == 0 {
		return "until somebody resumes"
	}
	return "until " + p.UntilAt.Time().Format(timeFormat)
}

// pauseAnswer is what the person who paused hears; beside is the longer pause
// of somebody else that goes on.
func pauseAnswer(p, beside *store.Pause, now store.Millis) string {
	s := "Paused " + pauseTarget(p)
	if !p.Begun(now) {
		s = fmt.Sprintf("Will pause %s from %s", pauseTarget(p), p.FromAt.Time().Format(timeFormat))
	}
	s += " " + untilText(p)
	if beside != nil {
		s += fmt.Sprintf("; the pause that %s made goes on %s, and nothing but resuming ends it sooner", who(beside.Actor), untilText(beside))
	}
	return s + ". What is under way is followed to its end; trouble is noticed and recorded, and nothing new begins by itself."
}
