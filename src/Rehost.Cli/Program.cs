using System.CommandLine;
using Rehost.Cli.Commands;

// A guest's bytes must never be readable by others: whatever this process makes, it makes for its owner.
return await RehostCommand.Create(TimeProvider.System).Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(20), EnableDefaultExceptionHandler = false });
