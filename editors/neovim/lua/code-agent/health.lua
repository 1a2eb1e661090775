-- So that :checkhealth finds the plugin by the name of the program too.
return require("code_agent.health")
