package guard_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/store"
)

// answers serves one answer after the other, the last one for good.
func answers(t *testing.T, list ...http.HandlerFunc) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		n := int(asked.Add(1))
		list[min(n, len(list))-1](rw, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, asked
}

func says(status int, body, retryAfter string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			rw.Header().Set("Retry-After", retryAfter)
		}
		rw.WriteHeader(status)
		_, _ = rw.Write([]byte(body))
	}
}

// hangUp ends the connection without an answer.
func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

const granted = `{"key": "abc", "state": "held", "owner": "run:509:1", "epoch": 3}`

func TestABusyServerIsAskedAgain(t *testing.T) {
	busy := says(503, `{"error": "busy"}`, "1")
	for name, tc := range map[string]struct {
		list    []http.HandlerFunc
		timeout string
		asked   int64
		log     string
	}{
		"busy once":                 {[]http.HandlerFunc{busy, says(200, granted, "")}, "10", 2, "claim epoch 3"},
		"no answer, then busy":      {[]http.HandlerFunc{hangUp, busy, says(200, granted, "")}, "20", 3, "claim epoch 3"},
		"busy for longer than that": {[]http.HandlerFunc{says(503, `{"error": "busy"}`, "30"), says(200, granted, "")}, "10", 1, "answers 503: busy"},
		"busy until its time is up": {[]http.HandlerFunc{busy, busy, busy, busy, says(200, granted, "")}, "20", 5, "claim epoch 3"},
		"no answer, thrice":         {[]http.HandlerFunc{hangUp, hangUp, hangUp, says(200, granted, "")}, "20", 3, "no answer"},
		"refused, and free by now":  {[]http.HandlerFunc{says(409, `{"key": "0a", "state": "free", "error": "told to skip before"}`, "")}, "10", 1, "skip: told to skip"},
		"in a state to come":        {[]http.HandlerFunc{says(409, `{"key": "0a", "state": "paused", "error": "paused"}`, "")}, "10", 1, "skip: paused"},
		"too many":                  {[]http.HandlerFunc{says(429, `{"error": "too many claims"}`, "")}, "10", 1, "goes ahead without"},
		"an error is no busyness":   {[]http.HandlerFunc{says(500, `{}`, ""), says(200, granted, "")}, "10", 1, "answers 500"},
		"refused":                   {[]http.HandlerFunc{says(409, `{"state": "done"}`, "1"), says(200, granted, "")}, "10", 1, "skip"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, asked := answers(t, tc.list...)
			got := use(t, map[string]string{"server": url, "token": "x", "timeout": tc.timeout})
			if asked.Load() != tc.asked || !strings.Contains(got.log, tc.log) {
				t.Errorf("asked %d times, want %d; %s", asked.Load(), tc.asked, got.log)
			}
		})
	}
}

// A fallback acts upon its own claim and epoch only, whoever answers.
func TestAFallbackTakesNothingForAYesButItsOwnClaim(t *testing.T) {
	occurrence := strings.Repeat("0a", 32)
	for name, tc := range map[string]struct {
		key, body string
		code      int
	}{
		"its own":               {"abc", granted, 0},
		"its run's":             {"run-9-509", `{"key": "` + occurrence + `", "state": "held", "epoch": 3}`, 0},
		"another epoch":         {"abc", strings.Replace(granted, "3}", "9}", 1), 1},
		"an epoch that is more": {"abc", strings.Replace(granted, "3}", "30}", 1), 1},
		"another key":           {"abcd", granted, 1},
		"done":                  {"abc", strings.Replace(granted, "held", "done", 1), 1},
		"no JSON":               {"abc", "<p>" + granted + "</p>", 1},
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := answers(t, says(200, tc.body, ""))
			got := use(t, map[string]string{"server": url, "token": "x", "mode": "fallback", "key": tc.key, "epoch": "3"})
			if got.code != tc.code || got.outputs["proceed"] != map[int]string{0: "true", 1: "false"}[tc.code] {
				t.Errorf("exit %d %v %s", got.code, got.outputs, got.log)
			}
		})
	}
}

func TestOneAddressIsOneRequest(t *testing.T) {
	url, asked := answers(t, says(500, "{}", ""))
	use(t, map[string]string{"server": url + "/[1-3]", "token": "x"}).want(t, 0, "true", "warning", "")
	if asked.Load() > 1 {
		t.Errorf("%d requests", asked.Load())
	}
}

func TestAPasswordInTheAddressDoesNotShow(t *testing.T) {
	got := use(t, map[string]string{"server": "http://admin:hunter2@127.0.0.1:1", "token": "x"})
	if strings.Contains(got.log, "hunter2") {
		t.Error(got.log)
	}
}

func TestAnAddressThatOthersCanReadIsWarnedOf(t *testing.T) {
	for server, warned := range map[string]bool{
		"http://redundancy.invalid": true, "http://localhost.invalid": true, "http://127.0.0.1.invalid": true,
		"http://127.0.0.1:1": false, "http://localhost:1/x": false, "https://127.0.0.1:1": false,
	} {
		got := use(t, map[string]string{"server": server, "token": "x", "timeout": "1"})
		got.want(t, 0, "true", "warning", "")
		if strings.Contains(got.log, "plain http") != warned {
			t.Errorf("%s: %s", server, got.log)
		}
	}
}

func TestWithoutATemporaryFileThePrimaryGoesAhead(t *testing.T) {
	w := newWorld(t)
	in := map[string]string{"server": w.url, "token": api.GuardToken(apiToken, repoID)}
	out := t.TempDir() // before TMPDIR is gone
	t.Setenv("TMPDIR", filepath.Join(out, "gone"))
	useIn(t, out, in).want(t, 0, "true", "warning", "no temporary file")
	in["mode"], in["epoch"] = "fallback", "1"
	useIn(t, out, in).want(t, 1, "false", "error", "no temporary file")
}

// A guard token opens claims of the user's own under the repository's name.
func TestAClaimOfTheUsersOwn(t *testing.T) {
	w := newWorld(t)
	in := map[string]string{"server": w.url, "token": api.GuardToken(apiToken, repoID), "key": "repo-9-deploy:2026-12-01"}
	use(t, in).want(t, 0, "true", "notice", "epoch 1")
	use(t, in).want(t, 0, "true", "notice", "epoch 1")
	w.update(func(ctx context.Context, tx *store.Tx) error {
		return tx.SetClaim(ctx, in["key"], 1, store.ClaimDone, store.MillisOf(time.Now()))
	})
	use(t, in).want(t, 0, "false", "notice", "already done")
	asked := len(w.asked)
	for _, key := range []string{"deploy:2026-12-01", "repo-90-deploy", "repo-8-deploy"} {
		in["key"] = key
		use(t, in).want(t, 0, "true", "warning", "keys of your own begin with repo-9-")
	}
	if len(w.asked) != asked {
		t.Error("the server was asked for a claim that it cannot grant")
	}
}
