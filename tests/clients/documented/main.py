from k8s_agent_sandbox import SandboxClient

# 1. Initialize the client
client = SandboxClient()

# 2. Create the sandbox using your warm pool
sandbox = client.create_sandbox("simple-sandbox-pool")

# 3. Define and run a standard command
payload = "echo 'Hello World!'"
response = sandbox.commands.run(payload)

# 4. Print the execution response
print(response)
