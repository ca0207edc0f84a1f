package embedded

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/redundancy-app/redundancy/queue/queuetest"
	"github.com/redundancy-app/redundancy/store"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

func TestConformance(t *testing.T) {
	queuetest.Run(t, func(t *testing.T, env queuetest.Env) queuetest.Opened {
		s, err := store.Open(context.Background(), "sqlite:"+filepath.Join(env.Dir, "test.db"))
		if err != nil {
			t.Fatalf("open store: %v", err)
		}
		q, err := New(Config{Store: s, Clock: env.Clock, Log: zerolog.New(zerolog.NewTestWriter(t)), Workers: env.Workers, Classify: env.Classify})
		if err != nil {
			t.Fatalf("open queue: %v", err)
		}
		return queuetest.Opened{Queue: q, Store: s, Kill: func() {
			if err := s.Close(); err != nil {
				t.Errorf("close store: %v", err)
			}
			q.abandon()         // gives up everything without waiting ...
			q.cancel(errKilled) // ... and lets the goroutines of this process go
			if err := q.Drain(context.Background()); err == nil {
				t.Error("the killed queue says that it has written everything")
			}
		}}
	})
}
