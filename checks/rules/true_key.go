package rules

import (
	"slices"
	"strings"

	"github.com/redundancy-app/redundancy/config"
)

// trueKey explains a top-level key "true": YAML 1.1 reads an unquoted "on" as
// a boolean, so tools that read a workflow and write it again leave that
// behind, and the workflow loses its triggers.
func trueKey(_ source, found []config.Finding) []config.Finding {
	i := slices.IndexFunc(found, func(f config.Finding) bool {
		return f.Rule == "syntax-check" && strings.HasPrefix(f.Message, `unexpected key "true" for "workflow" section`)
	})
	if i < 0 {
		return found
	}
	found[i].Rule = "true-key"
	found[i].Message = `the key is "true:" where "on:" belongs, so this workflow has no triggers and never runs. ` +
		`A program that takes YAML's "on" for a boolean has rewritten the file`
	found[i].Fix = `write "on:" instead of "true:"`
	return slices.DeleteFunc(found, func(f config.Finding) bool { return f.Message == `"on" section is missing in workflow` })
}
