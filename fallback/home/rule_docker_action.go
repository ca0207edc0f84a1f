package home

var ruleDocker = Rule{
	ID: "docker-action", Refuses: "`docker://…`, and an action with `using: docker`, wherever it is used", Why: "in host mode such actions fail",
}

func (j *judge) docker(u use) {
	j.refuse(&ruleDocker, u.place, "%s of job %s runs in Docker, which is not used there", show(u.text), showName(u.job))
}
