"""The sandbox runtimes: the trio of services as child processes, or in this process's threads."""
