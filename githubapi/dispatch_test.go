package githubapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/queue"
)

func TestDispatchWorkflow(t *testing.T) {
	const at = "POST /repos/acme/site/actions/workflows/fallback.yml/dispatches"
	refuse := func(status int, body string) func(http.ResponseWriter, bool) {
		return func(w http.ResponseWriter, details bool) {
			if !details {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	for name, tc := range map[string]struct {
		answer   func(w http.ResponseWriter, details bool)
		id       int64
		requests int // for two dispatches
		fails    bool
	}{
		"with the run": {func(w http.ResponseWriter, _ bool) {
			io.WriteString(w, `{"workflow_run_id":9007199254740993,"run_url":"u","html_url":"h"}`)
		}, 9007199254740993, 2, false},
		"without":                     {func(w http.ResponseWriter, _ bool) { w.WriteHeader(http.StatusNoContent) }, 0, 2, false},
		"GHES refuses the field, 400": {refuse(400, `{"message":"Invalid request.\n\n\"return_run_details\" is not a permitted key."}`), 0, 3, false},
		"GHES refuses the field, 422": {refuse(422, `{"message":"Invalid request","errors":[{"resource":"x","field":"return_run_details","code":"invalid"}]}`), 0, 3, false},
		"another refusal is one":      {refuse(422, `{"message":"Workflow does not have 'workflow_dispatch' trigger"}`), 0, 2, true},
		"a failure is not repeated":   {refuse(500, `return_run_details`), 0, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			f.mux.HandleFunc(at, func(w http.ResponseWriter, r *http.Request) {
				var got map[string]any
				if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
					t.Error(err)
				}
				details, _ := got["return_run_details"].(bool)
				delete(got, "return_run_details")
				if diff := cmp.Diff(map[string]any{"ref": "main", "inputs": map[string]any{"reason": "failed"}}, got); diff != "" {
					t.Errorf("body (-want +got):\n%s", diff)
				}
				tc.answer(w, details)
			})
			for range 2 {
				id, err := DispatchWorkflow(context.Background(), f.client(5), "acme", "site", ".github/workflows/fallback.yml", "main", map[string]string{"reason": "failed"})
				if id != tc.id || (err != nil) != tc.fails {
					t.Errorf("run %d, %v, want %d", id, err, tc.id)
				}
			}
			if n := f.count(at); n != tc.requests {
				t.Errorf("%d requests, want %d", n, tc.requests)
			}
		})
	}
}

func TestDispatchInputs(t *testing.T) {
	f := setup(t)
	f.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for n, fails := range map[int]bool{0: false, 24: false, 25: false, 26: true} {
		inputs := map[string]string{}
		for i := range n {
			inputs[fmt.Sprint(i)] = strings.Repeat("x", i)
		}
		before := f.count("POST /repos")
		_, err := DispatchWorkflow(context.Background(), f.client(5), "acme", "site", "a.yml", "main", inputs)
		if (err != nil) != fails {
			t.Errorf("%d inputs: %v", n, err)
		}
		if permanent := isType[*queue.PermanentError](err, 0); permanent != fails || f.count("POST /repos")-before != map[bool]int{false: 1}[fails] {
			t.Errorf("%d inputs: %v, %d sent", n, err, f.count("POST /repos")-before)
		}
	}
}
