//! What strangers may call: ingest, the agent, the snippet, the demo shop. Nothing here reads data.
