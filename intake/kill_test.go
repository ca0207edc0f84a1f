package intake

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/palantir/go-githubapp/githubapp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/queue/embedded"
	"github.com/redundancy-app/redundancy/store"
)

const (
	childEnv      = "REDUNDANCY_TEST_KILL_CHILD" // path of the database
	roundsEnv     = "REDUNDANCY_FAULT_ROUNDS"
	defaultRounds = 10
	killSenders   = 8
)

// app is everything between the socket and the handler, on a real store.
type app struct {
	store *store.Store
	inbox *Inbox
	queue *embedded.Queue
	hook  http.Handler
	ended chan struct{} // capacity 1: an attempt has ended
}

func newApp(ctx context.Context, path string) (*app, error) {
	a := &app{ended: make(chan struct{}, 1)}
	var err error
	if a.store, err = store.Open(ctx, "sqlite:"+path); err != nil {
		return nil, err
	}
	clock := clockwork.NewRealClock()
	reg := prometheus.NewRegistry()
	if a.queue, err = embedded.New(embedded.Config{Store: a.store}); err != nil {
		return nil, err
	}
	if a.inbox, err = NewInbox(ctx, InboxConfig{Store: a.store, Queue: a.queue, Clock: clock, Log: zerolog.Nop(), Registerer: reg}); err != nil {
		return nil, err
	}
	// What the handler does is recorded beside the deliveries; runs counts how
	// often, since a process may die between the deed and its record.
	do := func(ctx context.Context, _, guid string, _ []byte) error {
		return a.store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Tx.Tx.ExecContext(ctx, `INSERT INTO test_effects (guid, runs) VALUES (?, 1)
				ON CONFLICT (guid) DO UPDATE SET runs = runs + 1`, guid)
			return err
		})
	}
	err = a.store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Tx.Tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS test_effects (guid TEXT PRIMARY KEY, runs INTEGER)`)
		return err
	})
	if err != nil {
		return nil, err
	}
	w, err := NewWorker(a.store, a.inbox, clock, []githubapp.EventHandler{handlerFunc{[]string{"push"}, do}})
	if err != nil {
		return nil, err
	}
	a.queue.Handle(queue.ProcessDelivery{}.Kind(), queue.Worker{Work: func(ctx context.Context, job queue.Job) error {
		defer func() {
			select {
			case a.ended <- struct{}{}:
			default:
			}
		}()
		return w.Work(ctx, job)
	}})
	if err := a.queue.Start(ctx); err != nil {
		return nil, err
	}
	a.inbox.HandleDirectly(ctx, w)
	a.hook, err = NewHandler(Config{Secrets: []string{testSecret}, Inbox: a.inbox, Log: zerolog.Nop(), Registerer: reg})
	return a, err
}

// serveUntilKilled is the child process.
func serveUntilKilled(path string) error {
	a, err := newApp(context.Background(), path)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	srv := &http.Server{Handler: a.hook, ReadHeaderTimeout: ReadHeaderTimeout}
	return srv.Serve(l)
}

// child starts the process and waits for its address.
func child(t *testing.T, path string) (cmd *exec.Cmd, address string) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("child did not start: %v", err)
	}
	return cmd, strings.TrimSpace(line)
}

// sender posts deliveries until the other side dies. What was not
// acknowledged it posts again in the next round, as a redelivery would.
type sender struct {
	name    int
	next    int
	pending string
	acked   []string
}

func (s *sender) send(address string, first func()) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	body := `{"ref":"refs/heads/main","padding":"` + strings.Repeat("x", 4000) + `"}`
	for {
		if s.pending == "" {
			s.next++
			s.pending = fmt.Sprintf("%d-%d", s.name, s.next)
		}
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+address, strings.NewReader(body))
		if err != nil {
			return
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-GitHub-Event", "push")
		r.Header.Set("X-GitHub-Delivery", s.pending)
		r.Header.Set("X-Hub-Signature-256", newVerifier(testSecret).header([]byte(body)))
		resp, err := client.Do(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusAccepted || resp.StatusCode == http.StatusOK {
			s.acked = append(s.acked, s.pending)
			s.pending = ""
			first()
		}
	}
}

// TestKill kills the process at random moments under load. Whatever was
// acknowledged is in the database afterwards and has been handled.
func TestKill(t *testing.T) {
	rounds := defaultRounds
	if v := os.Getenv(roundsEnv); v != "" {
		var err error
		if rounds, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "kill.db")
	senders := make([]*sender, killSenders)
	for i := range senders {
		senders[i] = &sender{name: i}
	}
	for range rounds {
		cmd, address := child(t, path)
		began := make(chan struct{})
		first := sync.OnceFunc(func() { close(began) })
		var wg sync.WaitGroup
		for _, s := range senders {
			wg.Go(func() { s.send(address, first) })
		}
		receive(t, began)
		<-time.After(rand.N(150 * time.Millisecond)) // the random moment
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // "signal: killed"
		wg.Wait()
	}

	a, err := newApp(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.store.Close()
	// A job that is killed again and again becomes a dead letter, for it may be
	// the killer. Here it is not.
	dead, err := a.queue.DeadLetters(context.Background(), 10000)
	if err != nil {
		t.Fatal(err)
	}
	for _, job := range dead {
		if err := a.queue.Retry(context.Background(), job.ID); err != nil {
			t.Fatal(err)
		}
	}
	for {
		n, _, err := a.store.PendingDeliveries(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		receive(t, a.ended)
	}
	if err := a.queue.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := a.inbox.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	acked, again := 0, count(t, a.store, `SELECT COUNT(*) FROM test_effects WHERE runs > 1`)
	for _, s := range senders {
		acked += len(s.acked)
		for _, guid := range s.acked {
			if count(t, a.store, `SELECT COUNT(*) FROM deliveries JOIN test_effects USING (guid) WHERE guid = ?`, guid) != 1 {
				t.Errorf("delivery %s was acknowledged and is lost", guid)
			}
		}
	}
	t.Logf("%d rounds, %d acknowledged, %d handled again after a crash, %d dead letters retried", rounds, acked, again, len(dead))
	if acked < rounds {
		t.Errorf("only %d acknowledged in %d rounds: nothing was tested", acked, rounds)
	}
}
