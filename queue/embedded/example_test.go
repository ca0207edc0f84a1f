package embedded_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/queue/embedded"
	"github.com/redundancy-app/redundancy/store"
)

// greet is a kind of job.
type greet struct {
	Name string `json:"name"`
}

func (greet) Kind() string { return "example.greet" }

// A job is enqueued in the transaction that makes it necessary and runs after
// the commit.
func Example() {
	dir, err := os.MkdirTemp("", "queue")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	db, err := store.Open(ctx, "sqlite:"+filepath.Join(dir, "redundancy.db"))
	if err != nil {
		panic(err)
	}
	defer db.Close()
	q, err := embedded.New(embedded.Config{Store: db})
	if err != nil {
		panic(err)
	}

	done := make(chan struct{})
	q.Handle("example.greet", queue.Worker{Work: func(_ context.Context, job queue.Job) error {
		defer close(done)
		var args greet
		if err := json.Unmarshal(job.Args, &args); err != nil {
			return queue.Permanent(err)
		}
		fmt.Println("hello,", args.Name)
		return nil
	}})
	if err := q.Start(ctx); err != nil {
		panic(err)
	}
	err = db.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return q.Enqueue(ctx, tx, queue.Item{Args: greet{"world"}})
	})
	if err != nil {
		panic(err)
	}
	<-done
	if err := q.Drain(ctx); err != nil {
		panic(err)
	}
	// Output: hello, world
}
