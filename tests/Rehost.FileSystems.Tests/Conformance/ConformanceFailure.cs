namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>A file system differs from its model.</summary>
internal sealed class ConformanceFailure(string message) : Exception(message);
