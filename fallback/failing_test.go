package fallback

import (
	"fmt"
	"strings"

	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// failing is how the job of a run fails, differently for each number. Numbers
// in an error line do not make a difference, words do.
func failing(i int) githubtest.Job { return saying("Error: " + word(i) + " is not there") }

// saying is a job whose own step fails with a line.
func saying(line string) githubtest.Job {
	return githubtest.Job{Name: "build", Conclusion: "failure", Steps: []githubtest.Step{
		{Name: "Set up job", Conclusion: "success"}, {Name: "Run", Conclusion: "failure"},
	}, Log: "##[group]Run ./sync.sh\n##[endgroup]\n" + line + "\n##[error]Process completed with exit code 1.\n"}
}

// word spells a number in letters.
func word(i int) string {
	return strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprintf("%03d", i)) + "let"
}
