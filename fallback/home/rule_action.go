package home

var ruleAction = Rule{
	ID: "action", Refuses: "a local action that is not in the commit's tree, metadata that cannot be read, an unknown `using`, more than 10 actions in each other or 100 files in all",
	Why: "what an action does is known from its metadata only",
}
