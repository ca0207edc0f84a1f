package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// raw is what the system and the libraries say, and no person should have to
// read.
var raw = []string{
	"dial tcp", "connect:", "connection refused", "strconv.", "json:", "invalid character", "parsing time", "parse error", "arg(s)", "no such file or directory", "%!",
	"net/http:", "sql:", "(26)", "lookup ", "permission denied", "is a directory ", "x509:", "tls:", "malformed", "bind:", "EOF", "goroutine",
}

// said runs a command to its error.
func said(t *testing.T, args ...string) string {
	t.Helper()
	root := newRoot()
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	if err == nil {
		t.Fatalf("redundancy %s: no error", strings.Join(args, " "))
	}
	text := oneLine(err)
	for _, r := range raw {
		if strings.Contains(text, r) {
			t.Errorf("%q in %q", r, text)
		}
	}
	return text
}

// listener serves each connection with f.
func listener(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			// Who speaks or leaves before the request has come is told of in
			// different words each time.
			if _, err := c.Read(make([]byte, 4096)); err == nil {
				f(c)
			}
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

func answering(t *testing.T, status int, body string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// TestErrorsSayWhatHappenedAndWhatToDo tries the commands with everything
// around them wrong.
func TestErrorsSayWhatHappenedAndWhatToDo(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	t.Setenv("REDUNDANCY_API_TOKEN", "a-token")
	dir := t.TempDir()
	file := func(name, content string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	nobody := listener(t, func(net.Conn) {})
	closed := "127.0.0.1:1"
	tls := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(tls.Close)
	noTLS := answering(t, 200, "{}")
	for _, tt := range []struct{ args, want string }{
		{"status --server " + closed, "nothing listens at 127.0.0.1:1; is `redundancy serve` running there? --server names another address"},
		{"health --live --server " + closed, "nothing listens at 127.0.0.1:1"},
		{"incidents --server " + nobody, "no answer from http://" + nobody + ": the connection"},
		{"status --server " + listener(t, func(c net.Conn) { _, _ = io.WriteString(c, "220 mail\r\n") }), "does not speak HTTP"},
		{"status --server host.invalid:80", "host.invalid"},
		{"status --server " + strings.Replace(noTLS, "http://", "https://", 1), "it does not speak TLS; write the address with http://"},
		{"status --server " + tls.URL, "its certificate is not to be trusted here"},
		{"status --server 127.0.0.1:99999", `--server "127.0.0.1:99999" is no http address: write it as http://HOST:PORT`},
		{"status --server " + answering(t, 200, "<html>"), "does not answer like a redundancy server of this version: check the address"},
		{"status --server " + answering(t, 200, `{"version": 1}`), "does not answer like a redundancy server of this version"},
		{"status --server " + answering(t, 502, "<html>"), "Bad Gateway, which is no answer of a redundancy server: check the address"},
		{"status --server " + answering(t, 401, `{"error":"missing or wrong bearer token"}`), "set REDUNDANCY_API_TOKEN to the server's token, which is in the file api-token of its data directory"},
		{"incidents --limit x", "--limit \"x\": want a whole number; `redundancy incidents --help` lists what it takes"},
		{"incidents --limit 99999999999999999999", "want a smaller number"},
		{"predict backtest --synthetic -1", "want a whole number from 0 on"},
		{"status --json=maybe", "--json \"maybe\": want true or false"},
		{"status --nope", "unknown flag: --nope; `redundancy status --help` lists what it takes"},
		{"status --server", "flag needs an argument: --server; `redundancy status --help`"},
		{"explain", "0 arguments given; write: redundancy explain ID"},
		{"jobs retry 1 2", "2 arguments given; write: redundancy jobs retry ID"},
		{"status surplus", `unknown command "surplus" for "redundancy status"; write: redundancy status`},
		{"incidents 99999999999999999999", "want its number, as `redundancy incidents` lists it"},
		{"predict backtest --csv " + filepath.Join(dir, "none.csv"), "none.csv does not exist: check the spelling"},
		{"predict backtest --csv " + dir, dir + " is a directory: name a file"},
		{"predict backtest --csv " + file("time.csv", "workflow,started_at,completed_at,conclusion\na,yesterday,x,success\n"), `line 2: start: "yesterday" is no time: write it as 2026-12-01T22:00:00Z`},
		{"predict backtest --csv " + file("quote.csv", "workflow,started_at,completed_at,conclusion\na,\"b\n"), "a quotation mark is missing or too many"},
		{"predict backtest --csv " + file("fields.csv", "workflow,started_at,completed_at,conclusion\na\n"), "line 2 has more or fewer fields than the first"},
		{"predict backtest --csv " + file("attempt.csv", "workflow,started_at,completed_at,conclusion,attempt\na,2026-01-01T00:00:00Z,2026-01-01T00:00:00Z,success,x\n"), `attempt: "x" is no whole number`},
		{"serve --config " + filepath.Join(dir, "none.yml"), "none.yml does not exist: check the spelling"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			if got := said(t, strings.Fields(tt.args)...); !strings.Contains(got, tt.want) {
				t.Errorf("it says %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("a token of two lines", func(t *testing.T) {
		t.Setenv("REDUNDANCY_API_TOKEN", "a\nb")
		if got := said(t, "status", "--server", closed); !strings.Contains(got, "line breaks or control characters") || strings.Contains(got, "a b") {
			t.Error(got)
		}
	})
}

// TestServeSaysWhyItDoesNotStart: with places that are none.
func TestServeSaysWhyItDoesNotStart(t *testing.T) {
	gh, dir := startGitHub(t), t.TempDir()
	junk := filepath.Join(dir, "junk.db")
	if err := os.WriteFile(junk, []byte(strings.Repeat("no database", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{
		"GITHUB_V3_API_URL": gh.URL() + "/api/v3/", "GITHUB_APP_INTEGRATION_ID": fmt.Sprint(gh.AppID), "GITHUB_APP_PRIVATE_KEY": string(gh.PrivateKeyPEM()),
		"GITHUB_APP_WEBHOOK_SECRET": gh.Secret(), "REDUNDANCY_LISTEN": "127.0.0.1:0", "REDUNDANCY_DATA_DIR": filepath.Join(dir, "data"),
	} {
		t.Setenv(k, v)
	}
	for _, tt := range []struct{ setting, value, want string }{
		{"REDUNDANCY_DATABASE_URL", "sqlite:" + junk, "the file is no database: name another one, or move it away"},
		{"REDUNDANCY_DATABASE_URL", "sqlite:" + dir, dir + " is a directory: name a file"},
		{"REDUNDANCY_DATABASE_URL", "sqlite:" + filepath.Join(junk, "x.db"), "leads through a file: name another place"},
		{"REDUNDANCY_DATA_DIR", junk, junk + " is not a directory, or leads through a file: name another place"},
		{"REDUNDANCY_AGENT_CONFIG", dir, dir + " is not a regular file"},
		{"REDUNDANCY_LISTEN", "192.0.2.1:8080", "this machine has no address 192.0.2.1:8080: choose one of its own"},
	} {
		t.Run(tt.setting+" "+tt.value, func(t *testing.T) {
			t.Setenv("REDUNDANCY_API_TOKEN", strings.Repeat("t", 40))
			t.Setenv(tt.setting, tt.value)
			if got := said(t, "serve"); !strings.HasPrefix(got, "redundancy: "+tt.setting+": ") || !strings.Contains(got, tt.want) {
				t.Errorf("it says %q, want %q", got, tt.want)
			}
		})
	}
}

// TestPlainKeepsWhatItDoesNotKnow: no cause gets lost, joined ones included.
func TestPlainKeepsWhatItDoesNotKnow(t *testing.T) {
	lost := &os.PathError{Op: "open", Path: "/a", Err: syscall.ENOENT}
	odd := &os.PathError{Op: "open", Path: "/b", Err: syscall.EXDEV}
	for want, err := range map[string]error{
		"read x: disk is gone":                                  errors.New("read x: disk is gone"),
		"first: /a does not exist: check the spelling":          fmt.Errorf("first: %w", lost),
		"/a does not exist: check the spelling\n" + odd.Error(): errors.Join(lost, odd),
	} {
		if got := plain(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
