package home

var ruleNode = Rule{
	ID: "node", Refuses: "a JavaScript action on a host without `node`", Why: "act runs it by the node that is in the path",
}

// isNode says whether act runs it by node.
func isNode(using string) bool {
	switch using {
	case "node12", "node16", "node20", "node24":
		return true
	}
	return false
}

func (j *judge) node(u use) {
	if !j.in.Host.Node {
		j.lacks(&ruleNode, u.place, "%s of job %s needs node, which the host has not", show(u.text), showName(u.job))
	}
}
