package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/redundancy-app/redundancy/config"
)

var unexpectedKey = regexp.MustCompile(`^unexpected key "([^"]*_[^"]*)" for (.*?)\. expected one of (.*)$`)

// underscoreKey explains keys written with underscores, "runs_on", where the
// key exists with hyphens. That the section is missing then is a consequence.
func underscoreKey(_ source, found []config.Finding) []config.Finding {
	Sort(found)
	for i := 0; i < len(found); i++ {
		m := unexpectedKey.FindStringSubmatch(found[i].Message)
		if m == nil {
			continue
		}
		right := strings.ReplaceAll(m[1], "_", "-")
		if !strings.Contains(m[3], `"`+right+`"`) {
			continue
		}
		f := &found[i]
		f.Rule = "underscore-key"
		f.Message = fmt.Sprintf("%q is no key of %s: it is written with a hyphen, %q", m[1], m[2], right)
		f.Fix = fmt.Sprintf("write \"%s:\" instead of \"%s:\"", right, m[1])
		// The missing section is reported at the key of the job, the last one before.
		for j := i - 1; j >= 0; j-- {
			if strings.HasPrefix(found[j].Message, `"`+right+`" section is missing in `) {
				found = slices.Delete(found, j, j+1)
				i--
				break
			}
		}
	}
	return found
}
