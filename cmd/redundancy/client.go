package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/redundancy-app/redundancy/config"
)

// clientTimeout of one request of the command line to a running server.
const clientTimeout = 15 * time.Second

// maxAnswer bounds what is read of an answer: 32 MiB, far above any listing.
const maxAnswer = 32 << 20

// client talks to /api/v1 of a running server.
type client struct {
	base  *url.URL
	token string
	http  *http.Client
}

// clientFlags are the flags of every command that talks to a server.
type clientFlags struct {
	server string
	json   bool
}

func (f *clientFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.server, "server", "", "address of the server (default: the local one, from REDUNDANCY_LISTEN)")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
}

func (f *clientFlags) client() (*client, error) {
	address := f.server
	if address == "" {
		address = os.Getenv("REDUNDANCY_LISTEN")
	}
	if address == "" {
		address = config.DefaultListen
	}
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	base, err := url.Parse(address)
	if err != nil || base.Host == "" || base.User != nil || (base.Scheme != "http" && base.Scheme != "https") || !isPort(base.Port()) {
		named := fmt.Sprintf("--server %q", f.server)
		if f.server == "" {
			named = fmt.Sprintf("REDUNDANCY_LISTEN=%q", os.Getenv("REDUNDANCY_LISTEN"))
		}
		return nil, fmt.Errorf("%s is no http address: write it as http://HOST:PORT", named)
	}
	token, err := apiToken()
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(token, unicode.IsControl) { // which no request can carry
		return nil, errors.New("the API token has line breaks or control characters in it: set REDUNDANCY_API_TOKEN to the server's token, one line")
	}
	return &client{base: base, token: token, http: &http.Client{Timeout: clientTimeout}}, nil
}

// isPort is true of "", which means the usual one.
func isPort(port string) bool {
	if port == "" {
		return true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// apiToken is REDUNDANCY_API_TOKEN, or what the local server left in its data
// directory. No token is no error here: the server will say 401.
func apiToken() (string, error) {
	if t := os.Getenv("REDUNDANCY_API_TOKEN"); t != "" {
		return t, nil
	}
	dir, err := config.DefaultDataDir()
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(filepath.Join(dir, config.APITokenFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read API token: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// call sends a request and decodes the answer into out (which may be nil).
// A refusal by the server is an error with the server's own sentence.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		body = strings.NewReader(string(b))
	}
	target := c.base.JoinPath("/api/v1/")
	rel, err := url.Parse(path)
	if err != nil {
		return fmt.Errorf("call %s: %w", path, err)
	}
	req, err := http.NewRequestWithContext(ctx, method, target.ResolveReference(rel).String(), body)
	if err != nil {
		return fmt.Errorf("call %s: %w", path, err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return unreachable(c.base.String(), err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return unreachable(c.base.String(), err)
	}
	if resp.StatusCode >= 300 {
		return refusal(c.base, resp.StatusCode, answer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s does not answer like a redundancy server of this version: check the address, and `redundancy version` on both sides", c.base)
	}
	return nil
}

// refusedError is an answer of 4xx or 5xx.
type refusedError struct {
	status  int
	message string
}

func (e *refusedError) Error() string { return e.message }

func refusal(base *url.URL, status int, answer []byte) error {
	var doc struct {
		Error   string `json:"error"`
		Message string `json:"message"` // of a refused recovery
	}
	if json.Unmarshal(answer, &doc) != nil || doc.Error+doc.Message == "" {
		doc.Error = cmp.Or(http.StatusText(status), "an error") + ", which is no answer of a redundancy server: check the address"
	}
	doc.Error += doc.Message
	if status == http.StatusUnauthorized {
		doc.Error += ": set REDUNDANCY_API_TOKEN to the server's token, which is in the file " + config.APITokenFile + " of its data directory"
	}
	return &refusedError{status: status, message: fmt.Sprintf("%s answers %d: %s", base, status, doc.Error)}
}

// printJSON writes v indented, as every --json does.
func printJSON(w io.Writer, v any) error {
	doc, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(escapeControls(doc), '\n'))
	return err
}
