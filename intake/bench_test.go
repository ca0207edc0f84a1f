package intake

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/palantir/go-githubapp/githubapp"
	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"
)

// BenchmarkHook compares the durable handler with go-githubapp's own
// in-memory scheduler, over loopback. The client writes prepared bytes, so that
// the two cores are the server's.
func BenchmarkHook(b *testing.B) {
	for _, conns := range []int{1, 16} {
		b.Run(fmt.Sprintf("bare/%d", conns), func(b *testing.B) {
			d := githubapp.NewEventDispatcher([]githubapp.EventHandler{idle{}}, testSecret,
				githubapp.WithScheduler(githubapp.QueueAsyncScheduler(1<<20, 10)))
			fire(b, d, conns)
		})
		b.Run(fmt.Sprintf("inbox/%d", conns), func(b *testing.B) {
			h := openHouse(b)
			hook, err := NewHandler(Config{Secrets: []string{testSecret}, Inbox: h.inbox, Log: zerolog.Nop(), Registerer: h.reg})
			if err != nil {
				b.Fatal(err)
			}
			fire(b, hook, conns)
			if got := count(b, h.store, `SELECT COUNT(*) FROM deliveries`); got != b.N {
				b.Fatalf("%d of %d deliveries stored", got, b.N)
			}
			b.ReportMetric(float64(b.N)/float64(batches(b, h)), "rows/commit")
		})
	}
}

func batches(b *testing.B, h *house) uint64 {
	families, err := h.reg.Gather()
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "redundancy_inbox_batch_size" {
			return f.GetMetric()[0].GetHistogram().GetSampleCount()
		}
	}
	return 0
}

type idle struct{ githubapp.EventHandler }

func (idle) Handles() []string { return []string{"workflow_run"} }

func fire(b *testing.B, hook http.Handler, conns int) {
	srv := httptest.NewServer(hook)
	defer srv.Close()
	payload := workflowRun()
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	head := "POST /api/github/hook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-GitHub-Event: workflow_run\r\n" +
		"X-Hub-Signature-256: " + newVerifier(testSecret).header(payload) + "\r\nContent-Length: " + strconv.Itoa(len(payload)) +
		"\r\nX-GitHub-Delivery: "
	b.ResetTimer()
	before := cpu(b)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range conns {
		wg.Go(func() {
			c, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				b.Error(err)
				return
			}
			defer c.Close()
			in := bufio.NewReader(c)
			var out bytes.Buffer
			for {
				i := next.Add(1)
				if i > int64(b.N) {
					return
				}
				out.Reset()
				fmt.Fprintf(&out, "%s%08x-1111-4222-8333-%012x\r\n\r\n", head, uint32(i*2654435761), i)
				out.Write(payload)
				if _, err := c.Write(out.Bytes()); err != nil {
					b.Error(err)
					return
				}
				resp, err := http.ReadResponse(in, nil)
				if err != nil {
					b.Error(err)
					return
				}
				if resp.StatusCode/100 != 2 {
					b.Error(resp.Status)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "acks/s")
	b.ReportMetric((cpu(b)-before).Seconds()*1e6/float64(b.N), "cpu-us/op")
}

// cpu is the processor time of this process so far: unlike the rate, it hardly
// depends on what else the machine does.
func cpu(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
