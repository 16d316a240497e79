using System.Text.Json;
using System.Text.Json.Serialization;

namespace Rehost.Proof.Qemu;

/// <summary>JSON of <see cref="BootReport"/>, without reflection so that the program can be trimmed.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(BootReport))]
public sealed partial class BootProofJson : JsonSerializerContext
{
    /// <summary>The report as boot.json holds it.</summary>
    /// <param name="report">The report.</param>
    public static string Write(BootReport report) => JsonSerializer.Serialize(report, Default.BootReport) + "\n";
}
