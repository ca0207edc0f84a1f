package home

import (
	"path"
)

var ruleCached = Rule{
	ID: "cached", Refuses: "an action that the host does not keep at that commit",
	Why: "it could not be had while GitHub is away; jobs before it would have run by then",
}

func (j *judge) cached(u use, repo, dir, commit string) {
	if !j.another(&ruleAction, u.place) {
		return
	}
	if j.in.Host.Actions == nil {
		j.lacks(&ruleCached, u.place, "the host does not keep %s of job %s", show(u.text), showName(u.job))
		return
	}
	data, err := j.in.Host.Actions.Metadata(repo, dir, commit)
	if err != nil {
		j.lacks(&ruleCached, u.place, "the host does not keep %s of job %s", show(u.text), showName(u.job))
		return
	}
	j.action(u, path.Join(repo+"@"+commit, dir, "action.yml"), data)
}
