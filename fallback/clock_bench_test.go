package fallback

import (
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

// watch enrols the configuration that is in force, as loading it does, with
// the facts of the workflow files that the repository was made with.
func (b *bench) watch() {
	b.Helper()
	b.enrol(workflows)
}

// enrol is watch with other workflow files.
func (b *bench) enrol(files map[string]string) {
	b.Helper()
	facts := map[string]config.WorkflowFacts{}
	for path, text := range files {
		f, err := config.ReadWorkflow(path, []byte(text))
		if err != nil {
			b.Fatal(err)
		}
		facts[path] = f
	}
	err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error { return b.engine.Enrol(ctx, tx, b.at, b.configs.c, facts) })
	if err != nil {
		b.Fatal(err)
	}
}

// look is the schedule clock's work that is due now.
func (b *bench) look() {
	b.Helper()
	at, err := b.engine.nextDue(b.ctx)
	if err == nil && !at.IsZero() && !at.After(b.clock.Now()) {
		err = b.engine.lookDue(b.ctx)
	}
	if err != nil {
		b.Fatal(err)
	}
}

// nextAt is when the queue or the schedule clock has something to do.
func (b *bench) nextAt() (time.Time, bool) {
	b.Helper()
	at, ok := b.queue.nextAt()
	due, err := b.engine.nextDue(b.ctx)
	if err != nil {
		b.Fatal(err)
	}
	if !due.IsZero() && (!ok || due.Before(at)) {
		return due, true
	}
	return at, ok
}

// watched is the watch of a workflow.
func (b *bench) watched(path string) store.Watch {
	b.Helper()
	w, ok, err := store.ReadWatch(b.ctx, b.store.Read(), b.at.ID, path)
	if err != nil || !ok {
		b.Fatalf("watch of %s: %v %v", path, ok, err)
	}
	return w
}
