using System.Reflection;
using System.Xml.Linq;

namespace Rehost.Architecture.Tests;

/// <summary>CS1591 is an error in src/; this proves that nobody switched it off.</summary>
public sealed class PublicApiTests
{
    [Fact]
    public void Every_public_type_is_documented()
    {
        foreach (var library in Directory.GetFiles(AppContext.BaseDirectory, "Rehost.*.dll").Where(path => !path.Contains("Test", StringComparison.Ordinal)))
        {
            var documented = XDocument.Load(Path.ChangeExtension(library, ".xml")).Descendants("member").Select(member => (string?)member.Attribute("name")).ToHashSet();
            var missing = Assembly.LoadFrom(library).GetExportedTypes().Where(type => !documented.Contains("T:" + type.FullName!.Replace('+', '.')));
            Assert.Empty(missing.Select(type => type.FullName));
        }
    }
}
