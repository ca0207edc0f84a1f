package config

import (
	"fmt"
	"regexp"

	"go.yaml.in/yaml/v4" // the one that actionlint reads with, so that both see the same

	"github.com/redundancy-app/redundancy/config/strict"
)

// maxExpansion bounds the nodes that aliases add to a workflow. Real ones add
// tens; 100,000 take actionlint a few hundredths of a second.
const maxExpansion = 100_000

var (
	anchorRE = regexp.MustCompile(`(^|[^>&])&[^\s&]`) // not 2>&1 and not a && b
	aliasRE  = regexp.MustCompile(`\*[^\s*]`)
)

// CheckWorkflow says why a workflow file must not be given to actionlint, which
// follows every alias each time it meets it: 400 bytes of aliases of lists of
// aliases would keep it busy for a minute, and one line more for ten. Call it
// before [actionlint.Parse] or its linter see content of a repository. YAML
// that does not parse is none of its concern.
func CheckWorkflow(data []byte) error {
	if err := strict.CheckNesting(data); err != nil {
		return err
	}
	if !anchorRE.Match(data) || !aliasRE.Match(data) {
		return nil // nearly every workflow, at a fraction of the cost of parsing it
	}
	var root yaml.Node
	if yaml.Unmarshal(data, &root) != nil {
		return nil //nolint:nilerr // what does not parse has no aliases to follow; the linter reports it
	}
	c := expansion{sizes: map[*yaml.Node]int{}}
	if c.size(&root)-len(c.sizes) > maxExpansion {
		return fmt.Errorf("its aliases expand to more than %d values", maxExpansion)
	}
	return nil
}

// expansion counts nodes as if every alias were written out.
type expansion struct {
	sizes map[*yaml.Node]int // 0 while it is being counted
}

func (c expansion) size(n *yaml.Node) int {
	if size, ok := c.sizes[n]; ok {
		return size // an alias within its own anchor: actionlint reports it
	}
	c.sizes[n] = 0
	total := 1
	children := n.Content
	if n.Alias != nil {
		children = []*yaml.Node{n.Alias}
	}
	for _, child := range children {
		total = min(total+c.size(child), 10*maxExpansion) // it must not overflow
	}
	c.sizes[n] = total
	return total
}
