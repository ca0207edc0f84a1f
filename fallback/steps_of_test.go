package fallback

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// Names alone do not make a step the runner's: a user's step can bear them.
func TestUserSteps(t *testing.T) {
	digest := "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for name, tc := range map[string]struct{ steps, want []string }{
		"none":                         {nil, []string{}},
		"a job as it is":               {[]string{"Set up job", "Initialize containers", "Test", "Post Test", "Stop containers", "Complete job"}, []string{"Test", "Post Test"}},
		"images are brought":           {[]string{"Set up job", "Pull alpine:3.20", "Pull ghcr.io/acme/x", "Pull registry:5000/x:1", "Pull acme/x" + digest, "Build acme/action@v1", "Build acme/a/sub@main", "Test"}, []string{"Test"}},
		"a user pulls orders":          {[]string{"Set up job", "Pull orders and charge customers"}, []string{"Pull orders and charge customers"}},
		"in one word":                  {[]string{"Set up job", "Pull orders"}, []string{"Pull orders"}},
		"of a repository":              {[]string{"Set up job", "Pull acme/site"}, []string{"Pull acme/site"}},
		"behind a step of the user's":  {[]string{"Set up job", "Test", "Pull alpine:3.20", "Build acme/x@v1"}, []string{"Test", "Pull alpine:3.20", "Build acme/x@v1"}},
		"a user builds":                {[]string{"Set up job", "Build container for production", "Build the site"}, []string{"Build container for production", "Build the site"}},
		"an action of the repository":  {[]string{"Set up job", "Build ./.github/actions/x"}, []string{"Build ./.github/actions/x"}},
		"the runner's names elsewhere": {[]string{"Set up job", "Test", "Set up runner", "Complete job", "Deploy"}, []string{"Test", "Set up runner", "Complete job", "Deploy"}},
		"without the runner's first":   {[]string{"Pull alpine:3.20"}, []string{"Pull alpine:3.20"}},
	} {
		t.Run(name, func(t *testing.T) {
			var list []*github.TaskStep
			for _, s := range tc.steps {
				list = append(list, &github.TaskStep{Name: &s})
			}
			got := []string{}
			for _, s := range userSteps(list) {
				got = append(got, s.GetName())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("the user's (-want +got):\n%s", diff)
			}
		})
	}
}

// A step of the user's that is called as the runner's are fails of the code,
// one of the runner's own does not.
func TestCauseOfStepsThatPull(t *testing.T) {
	for step, want := range map[string]config.RerunCause{"Pull orders and charge customers": config.Code, "Pull alpine:3.20": config.Infrastructure} {
		b := newBench(t, config.Workflow{Recover: []config.Step{{Rerun: &config.Rerun{Attempts: 1, When: []config.RerunCause{config.Infrastructure}}}}})
		x := b.fail("failure", githubtest.Job{Name: "build", Conclusion: "failure", Steps: []githubtest.Step{
			{Name: "Set up job", Conclusion: "success"}, {Name: step, Conclusion: "failure"},
		}, Log: "TypeError: x is not a function\n##[error]Process completed with exit code 1.\n"})
		if inc := b.only(); inc.Cause != string(want) || (x.Attempt() == 2) != (want == config.Infrastructure) {
			t.Errorf("%q: cause %s, attempt %d", step, inc.Cause, x.Attempt())
		}
	}
}

// The error stands long before the exit code; the ladder re-runs infrastructure only.
func TestNetworkErrorWithALongTrace(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{{Rerun: &config.Rerun{Attempts: 1, When: []config.RerunCause{config.Infrastructure}}}}})
	log := "Error: getaddrinfo ENOTFOUND api.github.com"
	for range 35 {
		log += "\n    at frame (node:internal/x.js:1)"
	}
	x := b.fail("failure", saying(log))
	if inc := b.only(); inc.Cause != string(config.Infrastructure) || x.Attempt() != 2 {
		t.Errorf("cause %s of %q, attempt %d", inc.Cause, inc.ErrorLine, x.Attempt())
	}
}
